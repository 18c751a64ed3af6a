// A real identity provider, `oidc-provider`, for one client: a server whose pages people reach at `origin`.

import { once } from "node:events";
import { createServer } from "node:http";

import Provider from "oidc-provider";

export const CLIENT = { id: "runcast", secret: "client-secret-of-the-test" };

export class IdentityProvider {
  #server;

  // Whoever types a login is who it says, with the groups that `groupsOf(login)` gives.
  static async start(origin, groupsOf) {
    const started = new IdentityProvider();
    started.#server = createServer((request, response) => started.callback(request, response));
    started.#server.listen(0, "127.0.0.1");
    await once(started.#server, "listening");
    started.url = `http://127.0.0.1:${started.#server.address().port}`;
    const provider = new Provider(started.url, {
      clients: [{
        client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [`${origin}/auth/callback`],
        response_types: ["code"], grant_types: ["authorization_code"],
      }],
      claims: { openid: ["sub"], profile: ["name", "groups"] },
      conformIdTokenClaims: false, // the claims are in the ID token
      cookies: { keys: ["a key of the test"] },
      pkce: { methods: ["S256"], required: () => true },
      findAccount: (_, login) => ({
        accountId: login,
        claims: () => ({ sub: login, name: `Name of ${login}`, groups: groupsOf(login) }),
      }),
    });
    started.callback = provider.callback();
    return started;
  }

  // What the server is told of it.
  setting(rules) {
    return JSON.stringify({
      name: "corp", issuer: this.url, client_id: CLIENT.id, client_secret: CLIENT.secret, rules,
    });
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

// At the provider's page.
export async function signInAs(tab, login) {
  await tab.getByPlaceholder("Enter any login").fill(login);
  await tab.getByPlaceholder("and password").fill("x");
  await tab.getByRole("button", { name: "Sign-in" }).click();
  await tab.getByRole("button", { name: "Continue" }).click();
}
