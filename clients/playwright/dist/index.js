"use strict";
var __create = Object.create;
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __getProtoOf = Object.getPrototypeOf;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toESM = (mod, isNodeMode, target) => (target = mod != null ? __create(__getProtoOf(mod)) : {}, __copyProps(
  // If the importer is in node compatibility mode or this is not an ESM
  // file that has been converted to a CommonJS file using a Babel-
  // compatible transform (i.e. "__esModule" has not been set), then set
  // "default" to the CommonJS "module.exports" for node compatibility.
  isNodeMode || !mod || !mod.__esModule ? __defProp(target, "default", { value: mod, enumerable: true }) : target,
  mod
));
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// src/index.ts
var index_exports = {};
__export(index_exports, {
  default: () => RuncastReporter
});
module.exports = __toCommonJS(index_exports);

// src/terminal.ts
var import_node_path7 = require("node:path");

// src/github.ts
var import_node_path3 = require("node:path");

// src/ci.ts
var import_node_crypto = require("node:crypto");
var import_node_fs = require("node:fs");
function ciOf(env) {
  const found = JOBS.find(({ is }) => is(env));
  return found === void 0 ? {} : compact(found.info(env));
}
function githubEvent(env) {
  try {
    const event = JSON.parse((0, import_node_fs.readFileSync)(env["GITHUB_EVENT_PATH"] ?? "", "utf8"));
    return typeof event === "object" && event !== null ? event : void 0;
  } catch {
    return void 0;
  }
}
function isRunId(id) {
  return /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/.test(id);
}
function runIdOf(...parts3) {
  if (parts3.some((part) => part === void 0 || part === "")) return void 0;
  const id = parts3.join("-");
  if (isRunId(id)) return id;
  const hash2 = (0, import_node_crypto.createHash)("sha256").update(id).digest("hex").slice(0, 8);
  return `${fitRunId(id).slice(0, 119)}-${hash2}`;
}
function fitRunId(text4) {
  return text4.replace(/[^A-Za-z0-9._:-]+/g, "-").replace(/^[^A-Za-z0-9]+|-+$/g, "").slice(0, 128);
}
var JOBS = [
  { is: (env) => env["GITHUB_ACTIONS"] === "true", info: github },
  { is: (env) => isSet(env["GITLAB_CI"]), info: gitlab },
  {
    is: (env) => isSet(env["BUILDKITE"]),
    info: (env) => ({
      name: "buildkite",
      runId: runIdOf("bk", env["BUILDKITE_BUILD_ID"]),
      project: env["BUILDKITE_PIPELINE_SLUG"],
      number: whole(env["BUILDKITE_BUILD_NUMBER"]),
      title: firstLine(env["BUILDKITE_MESSAGE"]),
      branch: env["BUILDKITE_BRANCH"],
      commit: hash(env["BUILDKITE_COMMIT"]),
      author: env["BUILDKITE_BUILD_AUTHOR"] || env["BUILDKITE_BUILD_CREATOR"],
      url: env["BUILDKITE_BUILD_URL"],
      labels: list(env["BUILDKITE_SOURCE"])
    })
  },
  {
    is: (env) => isSet(env["CIRCLECI"]),
    info: (env) => ({
      name: "circleci",
      runId: runIdOf("circle", env["CIRCLE_WORKFLOW_ID"]),
      project: slashed(env["CIRCLE_PROJECT_USERNAME"], env["CIRCLE_PROJECT_REPONAME"]),
      branch: env["CIRCLE_BRANCH"] || env["CIRCLE_TAG"],
      commit: hash(env["CIRCLE_SHA1"]),
      author: env["CIRCLE_USERNAME"],
      url: env["CIRCLE_BUILD_URL"],
      labels: list(env["CIRCLE_JOB"])
    })
  },
  {
    is: (env) => isSet(env["JENKINS_URL"]) && isSet(env["BUILD_TAG"]),
    info: (env) => ({
      name: "jenkins",
      runId: runIdOf("jk", env["BUILD_TAG"]),
      project: env["JOB_NAME"],
      number: whole(env["BUILD_NUMBER"]),
      title: firstLine(env["CHANGE_TITLE"]),
      branch: env["CHANGE_BRANCH"] || env["BRANCH_NAME"] || env["GIT_BRANCH"]?.replace(/^origin\//, ""),
      commit: hash(env["GIT_COMMIT"]),
      author: env["CHANGE_AUTHOR_DISPLAY_NAME"] || env["CHANGE_AUTHOR"],
      url: env["BUILD_URL"]
    })
  },
  { is: (env) => isSet(env["TF_BUILD"]), info: azure }
];
function github(env) {
  const event = githubEvent(env);
  const pull = event?.pull_request;
  const repository = env["GITHUB_REPOSITORY"];
  const run = env["GITHUB_RUN_ID"];
  return compact({
    name: "github",
    runId: runIdOf("gh", env["GITHUB_REPOSITORY_ID"] || repository, run, env["GITHUB_RUN_ATTEMPT"] || "1"),
    project: repository,
    number: whole(env["GITHUB_RUN_NUMBER"]),
    title: pull?.title ?? firstLine(event?.head_commit?.message) ?? env["GITHUB_WORKFLOW"],
    branch: env["GITHUB_HEAD_REF"] || env["GITHUB_REF_NAME"],
    // Of a pull request GITHUB_SHA is the commit that would merge it, which nobody has made.
    commit: hash(pull?.head?.sha ?? env["GITHUB_SHA"]),
    author: pull?.user?.login ?? event?.head_commit?.author?.name ?? env["GITHUB_ACTOR"],
    url: repository && run && `${env["GITHUB_SERVER_URL"] || "https://github.com"}/${repository}/actions/runs/${run}`,
    labels: list(env["GITHUB_WORKFLOW"], env["GITHUB_EVENT_NAME"], pull?.number?.toString().replace(/^/, "#"))
  });
}
function gitlab(env) {
  const request = env["CI_MERGE_REQUEST_IID"];
  return compact({
    name: "gitlab",
    runId: runIdOf("gl", env["CI_PROJECT_ID"], env["CI_PIPELINE_ID"]),
    project: env["CI_PROJECT_PATH"],
    number: whole(env["CI_PIPELINE_IID"]),
    title: env["CI_MERGE_REQUEST_TITLE"] || firstLine(env["CI_COMMIT_TITLE"]),
    branch: env["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"] || env["CI_COMMIT_REF_NAME"],
    commit: hash(env["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"] || env["CI_COMMIT_SHA"]),
    author: env["CI_COMMIT_AUTHOR"]?.replace(/\s*<[^>]*>\s*$/, ""),
    url: env["CI_PIPELINE_URL"],
    labels: list(env["CI_PIPELINE_SOURCE"], request ? `!${request}` : void 0)
  });
}
function azure(env) {
  const attempt = env["SYSTEM_STAGEATTEMPT"] || "1";
  const [organisation, build] = [env["SYSTEM_COLLECTIONID"], env["BUILD_BUILDID"]];
  const project = env["SYSTEM_TEAMPROJECT"];
  const branch = env["SYSTEM_PULLREQUEST_SOURCEBRANCH"] || env["BUILD_SOURCEBRANCH"];
  return compact({
    name: "azure",
    runId: runIdOf("az", organisation, build, attempt),
    project: env["BUILD_REPOSITORY_NAME"] || project,
    number: whole(build),
    title: firstLine(env["BUILD_SOURCEVERSIONMESSAGE"]),
    branch: branch?.replace(/^refs\/(heads|tags)\//, ""),
    commit: hash(env["SYSTEM_PULLREQUEST_SOURCECOMMITID"] || env["BUILD_SOURCEVERSION"]),
    author: env["BUILD_REQUESTEDFOR"],
    url: env["SYSTEM_COLLECTIONURI"] && project && build && `${env["SYSTEM_COLLECTIONURI"].replace(/\/*$/, "/")}${encodeURIComponent(project)}/_build/results?buildId=${build}`,
    labels: list(env["BUILD_DEFINITIONNAME"], env["BUILD_REASON"])
  });
}
function isSet(value) {
  return value !== void 0 && value !== "" && value !== "false";
}
function whole(text4) {
  return text4 !== void 0 && /^\d{1,15}$/.test(text4) ? Number(text4) : void 0;
}
function hash(text4) {
  return text4 !== void 0 && /^[0-9a-f]{7,64}$/i.test(text4) ? text4 : void 0;
}
function firstLine(text4) {
  return text4?.split("\n", 1)[0]?.trim() || void 0;
}
function slashed(...parts3) {
  return parts3.every(Boolean) ? parts3.join("/") : void 0;
}
function list(...words) {
  return words.filter((word) => word !== void 0 && word !== "");
}
function compact(info) {
  const isEmpty = (value) => value === void 0 || value === "" || Array.isArray(value) && value.length === 0;
  const known = Object.entries(info).filter(([, value]) => !isEmpty(value));
  return Object.fromEntries(
    known.map(([name, value]) => [name, typeof value === "string" ? value.slice(0, 256) : value])
  );
}

// ../js/dist/transport-node.js
var import_node_http2 = __toESM(require("node:http"), 1);
var import_node_https2 = __toESM(require("node:https"), 1);
var import_node_util = require("node:util");
var import_node_zlib = require("node:zlib");

// ../js/dist/lookup-node.js
var import_node_dns = __toESM(require("node:dns"), 1);
var import_node_fs2 = require("node:fs");
var ANSWER_MS = 2e3;
var HOSTS = "/etc/hosts";
var lookup = process.platform === "linux" ? lookupBy() : import_node_dns.default.lookup;
function lookupBy(servers, answerMs = ANSWER_MS) {
  return (host, options, callback) => {
    if (isKnown(host))
      return import_node_dns.default.lookup(host, options, callback);
    const resolver = new import_node_dns.default.Resolver({ timeout: answerMs, tries: 1 });
    if (servers !== void 0)
      resolver.setServers(servers);
    resolver.resolve4(host, (error) => {
      if (error?.code !== import_node_dns.default.TIMEOUT)
        return import_node_dns.default.lookup(host, options, callback);
      const message = `the name servers did not answer within ${answerMs / 1e3} s`;
      callback(Object.assign(new Error(message), { code: "EAI_AGAIN", hostname: host }), "");
    });
  };
}
function isKnown(host) {
  if (host === "localhost" || host.endsWith(".localhost"))
    return true;
  try {
    const lines = (0, import_node_fs2.readFileSync)(HOSTS, "utf8").toLowerCase().split("\n");
    return lines.some((line) => line.replace(/#.*/, "").trim().split(/\s+/).includes(host.toLowerCase(), 1));
  } catch {
    return false;
  }
}

// ../js/dist/proxy-agent.js
var import_node_http = __toESM(require("node:http"), 1);
var import_node_https = __toESM(require("node:https"), 1);
var import_node_net2 = __toESM(require("node:net"), 1);
var import_node_tls = __toESM(require("node:tls"), 1);

// ../js/dist/proxy-env.js
var import_node_net = require("node:net");
var ProxyVariableError = class extends Error {
  name = "ProxyVariableError";
};
function proxyFor(url, environment = process.env) {
  const scheme = url.protocol === "https:" ? "https_proxy" : "http_proxy";
  for (const name of [scheme, scheme.toUpperCase(), "all_proxy", "ALL_PROXY"]) {
    const value = environment[name]?.trim();
    if (value === void 0 || value === "")
      continue;
    const noProxy = environment["no_proxy"] ?? environment["NO_PROXY"] ?? "";
    return isLoopback(hostOf(url)) || isExempt(url, noProxy) ? void 0 : { url: parsed(value, name), variable: name };
  }
  return void 0;
}
function hostOf(url) {
  return url.hostname.replace(/^\[|\]$/g, "");
}
function portOf(url) {
  return Number(url.port || (url.protocol === "https:" ? 443 : 80));
}
function parsed(value, variable) {
  let url;
  try {
    url = new URL(value.includes("://") ? value : `http://${value}`);
  } catch {
    throw new ProxyVariableError(`${variable} is not the URL of a proxy`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new ProxyVariableError(`${variable} names a proxy of the kind ${url.protocol} which is not known: use http:`);
  }
  return url;
}
function isLoopback(host) {
  return host === "localhost" || host.endsWith(".localhost") || host === "::1" || /^127(\.\d+){3}$/.test(host);
}
function isExempt(url, noProxy) {
  const host = hostOf(url).toLowerCase();
  return noProxy.split(/[\s,]+/).some((entry) => {
    if (entry === "")
      return false;
    if (entry === "*")
      return true;
    const { name, port } = split(entry.toLowerCase());
    if (port !== void 0 && port !== portOf(url))
      return false;
    if (name.includes("/"))
      return isWithin(host, name);
    const domain = name.replace(/^\*?\./, "");
    return host === domain || (0, import_node_net.isIP)(host) === 0 && host.endsWith(`.${domain}`);
  });
}
function split(entry) {
  const found = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry);
  const name = (found?.[1] ?? entry).replace(/^\[|\]$/g, "");
  return found ? { name, port: Number(found[2]) } : { name };
}
function isWithin(host, network) {
  const family = (0, import_node_net.isIP)(host);
  const [address = "", bits = ""] = network.split("/");
  if (family === 0 || (0, import_node_net.isIP)(address) !== family)
    return false;
  const kind = family === 6 ? "ipv6" : "ipv4";
  const list2 = new import_node_net.BlockList();
  try {
    list2.addSubnet(address, Number(bits), kind);
  } catch {
    return false;
  }
  return list2.check(host, kind);
}

// ../js/dist/transport.js
var TransportError = class extends Error {
  failure;
  name = "TransportError";
  constructor(failure, message, options) {
    super(message, options);
    this.failure = failure;
  }
};

// ../js/dist/proxy-agent.js
var CONNECT_MS = 3e4;
function proxyAuthorization(proxy) {
  if (proxy.username === "" && proxy.password === "")
    return void 0;
  const text4 = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${Buffer.from(text4).toString("base64")}`;
}
function proxyError(proxy, what, cause) {
  const at = `${hostOf(proxy.url)}:${portOf(proxy.url)}`;
  return new TransportError("proxy", `the proxy ${at} (${proxy.variable}) ${what}`, { cause });
}
function proxyRefusal(status) {
  if (status !== 407)
    return `answered ${status}: it does not let this connection through`;
  return "answered 407: it wants other credentials; check user and password in its URL";
}
var TunnelAgent = class extends import_node_https.default.Agent {
  #proxy;
  constructor(proxy) {
    super({ keepAlive: true });
    this.#proxy = proxy;
  }
  /** Called by Node.js for each new connection. */
  createConnection(options, callback) {
    const host = options.host ?? "";
    const target = `${import_node_net2.default.isIPv6(host) ? `[${host}]` : host}:${options.port}`;
    const authorization = proxyAuthorization(this.#proxy.url);
    const client = this.#proxy.url.protocol === "https:" ? import_node_https.default : import_node_http.default;
    const request = client.request({
      host: hostOf(this.#proxy.url),
      port: portOf(this.#proxy.url),
      method: "CONNECT",
      path: target,
      headers: { host: target, ...authorization === void 0 ? {} : { "proxy-authorization": authorization } },
      agent: false,
      lookup,
      timeout: CONNECT_MS
    });
    let told2 = false;
    const tell2 = (error, socket) => {
      if (!told2)
        callback?.(error, socket);
      told2 = true;
    };
    request.once("timeout", () => request.destroy(new Error("no answer")));
    request.once("error", (error) => {
      const what = error.code === "ECONNREFUSED" ? "refused the connection" : `can't be used: ${reason(error)}`;
      tell2(proxyError(this.#proxy, what, error));
    });
    request.once("response", (response) => {
      response.resume();
      request.destroy();
      tell2(proxyError(this.#proxy, proxyRefusal(response.statusCode ?? 0)));
    });
    request.once("connect", (response, socket) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        return tell2(proxyError(this.#proxy, proxyRefusal(response.statusCode ?? 0)));
      }
      socket.setTimeout(0);
      const servername = import_node_net2.default.isIP(host) === 0 ? host : "";
      tell2(null, import_node_tls.default.connect({ ...options, socket, servername }));
    });
    request.end();
    return void 0;
  }
};
function reason(error) {
  if (error instanceof AggregateError && error.errors.length > 0)
    return reason(error.errors[0]);
  if (error instanceof Error)
    return error.message || (error.code ?? error.name);
  return String(error);
}

// ../js/dist/transport-node.js
var TIMEOUT_MS = 3e4;
var SLICE_BYTES = 64 * 1024;
function createTransport() {
  return new NodeTransport();
}
var NodeTransport = class {
  #http = new import_node_http2.default.Agent({ keepAlive: true, lookup });
  #https = new import_node_https2.default.Agent({ keepAlive: true, lookup });
  #tunnels = /* @__PURE__ */ new Map();
  async send(request) {
    request.signal?.throwIfAborted();
    const url = new URL(request.url);
    let proxy;
    try {
      proxy = proxyFor(url);
    } catch (error) {
      throw new TransportError("proxy", reason(error), { cause: error });
    }
    const options = this.#options(url, proxy);
    try {
      return await exchange(request, url, proxy, options);
    } catch (error) {
      if (!(error instanceof StaleConnection))
        throw error;
      for (const socket of Object.values(options.agent.freeSockets).flat())
        socket?.destroy();
      return exchange(request, url, proxy, options).catch((again) => {
        throw again instanceof StaleConnection ? again.explained : again;
      });
    }
  }
  #options(url, proxy) {
    const target = { host: hostOf(url), port: portOf(url), path: url.pathname + url.search };
    if (proxy === void 0)
      return { ...target, agent: url.protocol === "https:" ? this.#https : this.#http };
    if (url.protocol === "https:")
      return { ...target, agent: this.#tunnel(proxy) };
    const authorization = proxyAuthorization(proxy.url);
    return {
      host: hostOf(proxy.url),
      port: portOf(proxy.url),
      protocol: proxy.url.protocol,
      path: url.href,
      headers: { host: url.host, ...authorization === void 0 ? {} : { "proxy-authorization": authorization } },
      agent: proxy.url.protocol === "https:" ? this.#https : this.#http
    };
  }
  #tunnel(proxy) {
    const known = this.#tunnels.get(proxy.url.href);
    const tunnel = known ?? new TunnelAgent(proxy);
    if (known === void 0)
      this.#tunnels.set(proxy.url.href, tunnel);
    return tunnel;
  }
};
var StaleConnection = class extends Error {
  explained;
  constructor(explained2) {
    super();
    this.explained = explained2;
  }
};
function exchange(request, url, proxy, options) {
  const { signal, timeoutMs = TIMEOUT_MS } = request;
  return new Promise((resolve3, reject) => {
    const headers = { ...options.headers, "accept-encoding": "gzip", ...request.headers, ...lengthOf(request) };
    const secure = (options.protocol ?? url.protocol) === "https:";
    const sent = (secure ? import_node_https2.default : import_node_http2.default).request({ ...options, method: request.method, headers });
    let fail = reject;
    let response;
    const give2 = (error) => {
      fail(error);
      sent.destroy();
      response?.destroy();
    };
    const late = setTimeout(() => {
      const message = `${place(url)} showed no sign of life for ${timeoutMs / 1e3} s: check that it is up`;
      give2(new TransportError("timeout", message));
    }, timeoutMs);
    late.unref();
    const progress = () => void late.refresh();
    const aborted = () => give2(signal?.reason);
    const end = () => {
      clearTimeout(late);
      signal?.removeEventListener("abort", aborted);
    };
    signal?.addEventListener("abort", aborted, { once: true });
    sent.on("socket", (socket) => {
      if (request.background === true)
        socket.unref();
      if (!socket.connecting)
        return;
      for (const event of ["lookup", "connect", "secureConnect"])
        socket.once(event, progress);
    });
    sent.on("error", (error) => {
      end();
      const isUnanswered = response === void 0 && signal?.aborted !== true;
      const stale = sent.reusedSocket && isUnanswered && isClosed(error) && mayRepeat(request.body);
      const known = explained(error, url, proxy);
      fail(stale ? new StaleConnection(known) : known);
    });
    sent.on("response", (message) => {
      response = message;
      progress();
      message.once("close", end);
      if (proxy !== void 0 && message.statusCode === 407) {
        end();
        message.resume();
        return reject(proxyError(proxy, proxyRefusal(407)));
      }
      resolve3({
        status: message.statusCode ?? 0,
        header: (name) => header(message, name),
        bytes: () => {
          const bytes = new Promise((took, failed2) => {
            fail = failed2;
            if (message.destroyed && !message.readableEnded) {
              return failed2(signal?.aborted === true ? signal.reason : brokenOff(url, proxy));
            }
            const parts3 = [];
            message.on("data", (part) => {
              parts3.push(part);
              progress();
            });
            message.once("end", () => took(Buffer.concat(parts3)));
            message.once("error", (error) => failed2(explained(error, url, proxy)));
            message.once("close", () => failed2(brokenOff(url, proxy)));
          });
          return bytes.then((whole2) => decoded(message, whole2));
        }
      });
    });
    write(sent, request.body, progress).catch((error) => give2(error));
  });
}
async function write(to, body, progress) {
  if (body === void 0)
    return void to.end();
  const one = (part) => new Promise((resolve3) => {
    to.write(part, () => resolve3());
  }).then(progress);
  if (typeof body === "string" || body instanceof Uint8Array) {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    if (bytes.byteLength <= SLICE_BYTES)
      return void to.end(bytes);
    for (let at = 0; at < bytes.byteLength && !to.destroyed; at += SLICE_BYTES) {
      await one(bytes.subarray(at, at + SLICE_BYTES));
    }
  } else {
    for await (const part of body instanceof Blob ? parts(body) : body) {
      if (to.destroyed)
        break;
      await one(part);
    }
  }
  to.end();
}
async function* parts(blob) {
  for (let at = 0; at < blob.size; at += SLICE_BYTES) {
    yield new Uint8Array(await blob.slice(at, at + SLICE_BYTES).arrayBuffer());
  }
}
function lengthOf({ body }) {
  if (typeof body === "string")
    return { "content-length": String(Buffer.byteLength(body)) };
  if (body instanceof Uint8Array)
    return { "content-length": String(body.byteLength) };
  if (body instanceof Blob)
    return { "content-length": String(body.size) };
  return {};
}
function mayRepeat(body) {
  return body === void 0 || typeof body === "string" || body instanceof Uint8Array || body instanceof Blob;
}
function header(message, name) {
  const value = message.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}
async function decoded(message, bytes) {
  return message.headers["content-encoding"] === "gzip" && bytes.length > 0 ? (0, import_node_util.promisify)(import_node_zlib.gunzip)(bytes) : bytes;
}
function isClosed(error) {
  return error.code === "ECONNRESET" || error.code === "EPIPE";
}
function place(url) {
  return `${hostOf(url)}:${portOf(url)}`;
}
function explained(error, url, proxy) {
  if (error instanceof TransportError)
    return error;
  const code = error.code ?? error.errors?.[0]?.code ?? "";
  const failure = failureOf(code, reason(error));
  if (proxy !== void 0 && url.protocol === "http:" && failure !== "reset" && failure !== "timeout") {
    const what = failure === "refused" ? "refused the connection" : `can't be used: ${reason(error)}`;
    return proxyError(proxy, what, error);
  }
  return new TransportError(failure, `${place(url)} ${ADVICE[failure]} (${reason(error)})`, { cause: error });
}
function brokenOff(url, proxy) {
  return explained(new Error("the answer broke off"), url, proxy);
}
var ADVICE = {
  refused: "refused the connection: check that the server runs and listens there",
  dns: "can't be found: check the name, and the network's DNS",
  tls: "can't be trusted or does not speak TLS: check its certificate; NODE_EXTRA_CA_CERTS adds an authority",
  timeout: "did not take the connection in time: check that it is up, and that no firewall is between",
  unreachable: "can't be reached: check the network and the address",
  reset: "broke the connection"
};
function failureOf(code, message) {
  switch (code) {
    case "ECONNREFUSED":
      return "refused";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "dns";
    case "ETIMEDOUT":
      return "timeout";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
    case "EACCES":
    case "EPERM":
      return "unreachable";
    case "EPROTO":
      return "tls";
  }
  const isTls = /CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO_|ISSUER/.test(code) || message.includes("TLS connection was");
  return isTls ? "tls" : "reset";
}

// ../js/dist/base-urls.js
var BaseUrls = class {
  #urls;
  #at = 0;
  /** `urls`: one or more, `http` or `https`; a path is kept, for a server below one. */
  constructor(urls) {
    this.#urls = (typeof urls === "string" ? [urls] : urls).map(checked);
    if (this.#urls.length === 0)
      throw new TypeError("`url` has no address");
  }
  /** The one that is used now, without a slash at its end. */
  get current() {
    return this.#urls[this.#at];
  }
  /** All of them. */
  get all() {
    return this.#urls;
  }
  get count() {
    return this.#urls.length;
  }
  /** `url` has failed, or its node drains: the next one is used, unless another one is in use already. */
  leave(url) {
    if (url === this.current)
      this.#at = (this.#at + 1) % this.#urls.length;
  }
};
function checked(text4) {
  let url;
  try {
    url = new URL(text4);
  } catch {
    throw new TypeError(`\`url\` is not an absolute URL: ${text4}`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`\`url\` must begin with http: or https: ${text4}`);
  }
  if (url.username !== "" || url.password !== "")
    throw new TypeError("`url` must not have a password: use `token`");
  return url.origin + url.pathname.replace(/\/+$/, "");
}

// ../js/dist/ci-audience.js
var LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;
function audienceOf(told2, given2, urls) {
  const expected = given2?.trim().replace(/\/+$/, "") || void 0;
  const own = new URL(urls[0]).origin;
  if (typeof told2 !== "string")
    return { name: expected ?? own, isSafe: true };
  return { name: told2, isSafe: told2 === expected || isOrigin(told2) && urls.some((url) => new URL(url).host === new URL(told2).host) };
}
function isOrigin(text4) {
  if (!URL.canParse(text4))
    return false;
  const { origin, protocol, hostname } = new URL(text4);
  return origin === text4 && (protocol === "https:" || protocol === "http:" && LOOPBACK.test(hostname));
}

// ../js/dist/errors.js
var ApiError = class extends Error {
  status;
  code;
  detail;
  members;
  retryAfterMs;
  name = "ApiError";
  constructor(status, code, detail, members = {}, retryAfterMs) {
    super(`${status} ${code}: ${detail}`);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.members = members;
    this.retryAfterMs = retryAfterMs;
  }
  /** The request may pass when it is repeated later. */
  get passing() {
    return this.status >= 500 ? this.status !== 501 : this.status === 408 || this.status === 429;
  }
};
var ClosedError = class extends Error {
  closeCode;
  reason;
  name = "ClosedError";
  constructor(closeCode, reason2, message) {
    super(`${closeCode} ${reason2}: ${message}`);
    this.closeCode = closeCode;
    this.reason = reason2;
  }
};
var PROBLEM_MEMBERS = /* @__PURE__ */ new Set(["type", "title", "status", "code", "detail"]);
async function apiError(response) {
  const retryAfterMs = retryAfter(response.header("retry-after"));
  let text4 = "";
  try {
    text4 = new TextDecoder().decode(await response.bytes());
    const problem = JSON.parse(text4);
    if (typeof problem === "object" && problem !== null && "code" in problem && typeof problem.code === "string") {
      const detail = "detail" in problem && typeof problem.detail === "string" ? problem.detail : "";
      const members = Object.fromEntries(Object.entries(problem).filter(([name]) => !PROBLEM_MEMBERS.has(name)));
      return new ApiError(response.status, problem.code, detail, members, retryAfterMs);
    }
  } catch {
  }
  const shown2 = text4.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim().slice(0, 200);
  return new ApiError(response.status, `http_${response.status}`, shown2 || "no reason given", {}, retryAfterMs);
}
function retryAfter(header2, now = Date.now()) {
  if (header2 === void 0)
    return void 0;
  const text4 = header2.trim();
  if (/^\d+(\.\d+)?$/.test(text4))
    return Number(text4) * 1e3;
  const date = Date.parse(text4);
  return Number.isNaN(date) ? void 0 : Math.max(0, date - now);
}

// ../js/dist/context.js
async function send(context, request) {
  const token = await context.token();
  const response = await sendWith(context, request, token);
  if (response.status !== 401 || context.refuse?.(token) !== true || isStream(request.body))
    return response;
  const next = await context.token();
  if (next === token || next === void 0)
    return response;
  await response.bytes().catch(() => {
  });
  return sendWith(context, request, next);
}
function isStream(body) {
  return typeof body === "object" && Symbol.asyncIterator in body;
}
async function sendWith(context, request, token) {
  const { path, ...rest } = request;
  const base = context.baseUrls.current;
  const headers = { "runcast-client": context.clientName, ...request.headers };
  if (context.user !== void 0)
    headers["runcast-user"] = byteString(context.user);
  if (token !== void 0)
    headers["authorization"] = `Bearer ${token}`;
  try {
    const response = await context.transport.send({ ...rest, url: base + path, headers });
    if (response.status === 502 || response.status === 503 || response.status === 504)
      context.baseUrls.leave(base);
    return response;
  } catch (error) {
    if (request.signal?.aborted !== true)
      context.baseUrls.leave(base);
    throw error;
  }
}
function byteString(text4) {
  return String.fromCharCode(...new TextEncoder().encode(text4));
}
async function call(context, request) {
  const response = await send(context, request);
  if (response.status < 200 || response.status > 299)
    throw await apiError(response);
  return response;
}
async function callJson(context, request) {
  const response = await call(context, request);
  return JSON.parse(new TextDecoder().decode(await response.bytes()));
}
function runPath(runId) {
  return `/api/runs/${encodeURIComponent(runId)}`;
}

// ../js/dist/generated/words.js
var VERSION = "0.1.0";
var CLOSE_CODES = [
  { code: 1e3, reason: "normal", reconnect: "never", when: "The client closed, or there is nothing more to send." },
  { code: 1001, reason: "going_away", reconnect: "back_off", when: "The node stops without having drained." },
  { code: 1002, reason: "protocol", reconnect: "never", when: "The client broke RFC 6455." },
  { code: 1007, reason: "invalid_text", reconnect: "never", when: "A text frame or a close reason of the client was not UTF-8." },
  { code: 1008, reason: "policy", reconnect: "never", when: "The client did what this server does not allow." },
  { code: 1009, reason: "too_large", reconnect: "never", when: "The client sent a larger frame or message than it may." },
  { code: 1011, reason: "internal", reconnect: "back_off", when: "The session failed." },
  { code: 1012, reason: "restart", reconnect: "at_once", when: "The node drains: come back at once, and meet another node or the new process." },
  { code: 1013, reason: "try_again", reconnect: "back_off", when: "The run's room failed and is built anew, or waits in quarantine." },
  { code: 1013, reason: "saturated", reconnect: "back_off", when: "The node has as many viewers, or holds as much for them, as it may." },
  { code: 4401, reason: "unauthorized", reconnect: "never", when: "The rights have ended: expired or revoked." },
  { code: 4403, reason: "forbidden", reconnect: "never", when: "Kept for later: no server sends it." },
  { code: 4408, reason: "no_pong", reconnect: "back_off", when: "The client answered no ping in time." },
  { code: 4410, reason: "gone", reconnect: "never", when: "The run expired or was deleted." },
  { code: 4429, reason: "too_many", reconnect: "back_off", when: "The client has as many connections as it may, or sends more than it may." },
  { code: null, reason: "stalled", reconnect: "back_off", when: "The client took no byte for too long; its socket was reset." },
  { code: null, reason: "left", reconnect: "back_off", when: "The client went without a close frame: its connection broke, or was dropped." }
];
var FINAL_RUN_STATUSES = ["passed", "failed", "timedout", "interrupted", "cancelled", "lost"];

// ../js/dist/tokens.js
var MARGIN_MS = 6e4;
var MARGIN_PART = 0.1;
var Tokens = class {
  #option;
  #kept;
  #refused;
  #asked;
  constructor(option) {
    this.#option = option;
  }
  /** The token to send. One whose end is known is kept until shortly before; of another one the function is asked anew. */
  get() {
    const option = this.#option;
    if (typeof option !== "function")
      return Promise.resolve(option);
    if (this.#kept !== void 0 && Date.now() < this.#kept.until)
      return Promise.resolve(this.#kept.token);
    this.#asked ??= this.#ask(option).finally(() => this.#asked = void 0);
    return this.#asked;
  }
  /** The server has answered 401 to this token, or to none. False: there is no other one. */
  refuse(token) {
    if (typeof this.#option !== "function")
      return false;
    if (this.#kept !== void 0 && this.#kept.token !== token)
      return true;
    this.#kept = void 0;
    this.#refused ??= token ?? "";
    return true;
  }
  /** The server says that the token ends soon: the next one is asked for now. This one is good to its end if there is none. */
  renew() {
    if (typeof this.#option !== "function")
      return;
    this.#option.renew?.();
    if (this.#kept !== void 0)
      this.#kept.until = 0;
  }
  async #ask(option) {
    const refused = this.#refused;
    this.#refused = void 0;
    const before = this.#kept;
    try {
      const answer = await option(refused);
      const { token, expiresAt = void 0 } = typeof answer === "object" ? answer : { token: answer };
      this.#keep(token, expiresAt ?? (token === void 0 ? void 0 : endOf(token)));
      return token;
    } catch (error) {
      if (before !== void 0 && before === this.#kept && Date.now() < before.expiresAt)
        return before.token;
      this.#refused = refused;
      throw error;
    }
  }
  #keep(token, expiresAt) {
    if (token === void 0 || expiresAt === void 0)
      return void (this.#kept = void 0);
    const left = expiresAt - Date.now();
    this.#kept = { token, expiresAt, until: expiresAt - Math.min(MARGIN_MS, left * MARGIN_PART) };
  }
};
function endOf(token) {
  const claims = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token)?.[1];
  if (claims === void 0)
    return void 0;
  try {
    const { exp } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof exp === "number" ? exp * 1e3 : void 0;
  } catch {
    return void 0;
  }
}

// ../js/dist/ci-token.js
var REFUSED_MS = 6e4;
var TIMEOUT_MS2 = 15e3;
var EXCHANGE = {
  grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
  subject_token_type: "urn:ietf:params:oauth:token-type:jwt"
};
var BuildTokenError = class extends ApiError {
  name = "BuildTokenError";
  constructor(status, detail) {
    super(status, "no_build_token", detail);
  }
};
function buildToken(url, env) {
  const ci = env["GITHUB_ACTIONS"] === "true" ? github2 : env["GITLAB_CI"] === "true" ? gitlab2 : void 0;
  if (ci === void 0)
    return void 0;
  const transport = createTransport();
  const context = {
    baseUrls: new BaseUrls(url),
    transport,
    token: () => Promise.resolve(void 0),
    clientName: `runcast-js/${VERSION}`
  };
  let isNeeded = false;
  let refusal;
  const tokens = new Tokens(async () => {
    if (refusal !== void 0 && Date.now() < refusal.until)
      throw refusal.error;
    refusal = void 0;
    try {
      const { isNeeded: isNeeded2, audience } = await askServer(context, env);
      return isNeeded2 ? await exchanged(context, await ci(env, audience, transport), audience) : void 0;
    } catch (error) {
      if (error instanceof BuildTokenError)
        refusal = { error, until: Date.now() + REFUSED_MS };
      throw error;
    }
  });
  const fetchToken = async (refused) => {
    if (refused !== void 0)
      tokens.refuse(refused === "" ? void 0 : refused);
    isNeeded ||= refused !== void 0;
    if (!isNeeded)
      return void 0;
    const token = await tokens.get();
    isNeeded = token !== void 0;
    return token;
  };
  return Object.assign(fetchToken, { renew: () => tokens.renew() });
}
async function askServer(context, env) {
  const audienceFor = (told2) => audienceOf(told2, env["RUNCAST_AUDIENCE"], context.baseUrls.all);
  try {
    const path = "/api/me";
    const me = await callJson(context, { method: "GET", path, timeoutMs: TIMEOUT_MS2 });
    return { isNeeded: me["mode"] === "token", audience: audienceFor(me["audience"]) };
  } catch (error) {
    const isForeign = error instanceof SyntaxError || error instanceof ApiError && !error.passing;
    if (isForeign)
      return { isNeeded: false, audience: audienceFor(void 0) };
    throw error;
  }
}
async function exchanged(context, subject_token, { name }) {
  const answer = await send(context, {
    method: "POST",
    path: "/api/token",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ ...EXCHANGE, subject_token }).toString(),
    timeoutMs: TIMEOUT_MS2
  });
  const told2 = await membersOf(answer);
  const { access_token: token, expires_in: secs } = told2;
  if (answer.status === 200 && typeof token === "string" && typeof secs === "number") {
    return { token, expiresAt: Date.now() + secs * 1e3 };
  }
  const why2 = typeof told2["error_description"] === "string" ? oneLine(told2["error_description"]) : `it answers ${answer.status}`;
  if (isPassing(answer))
    throw unavailable(answer, why2);
  throw new BuildTokenError(answer.status, `the server does not take the token of this build: ${why2}; it was made for ${oneLine(name)}, and a rule in the server's [[auth.issuers]] has to fit it`);
}
function isPassing({ status }) {
  return status >= 500 || status === 429;
}
function unavailable(answer, why2) {
  return new ApiError(answer.status, "token_unavailable", why2, {}, retryAfter(answer.header("retry-after")));
}
function oneLine(text4) {
  return text4.replace(/[\s\p{Cc}]+/gu, " ").slice(0, 300);
}
async function membersOf(answer) {
  try {
    const told2 = JSON.parse(new TextDecoder().decode(await answer.bytes()));
    return typeof told2 === "object" && told2 !== null ? told2 : {};
  } catch {
    return {};
  }
}
var PERMISSION = "give the job `permissions: id-token: write` (and `contents: read`), or set RUNCAST_TOKEN";
async function github2(env, audience, transport) {
  const [asked, bearer] = [env["ACTIONS_ID_TOKEN_REQUEST_URL"], env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]];
  if (!asked || !bearer || !URL.canParse(asked)) {
    throw new BuildTokenError(401, `the server needs a token, and this job can have none: ${PERMISSION}`);
  }
  if (!audience.isSafe) {
    throw new BuildTokenError(401, `the server calls itself ${oneLine(audience.name)}, and not as RUNCAST_URL or RUNCAST_AUDIENCE do: no token is asked for in that name. If it is the public_url of your server, set RUNCAST_AUDIENCE to it`);
  }
  const url = new URL(asked);
  url.searchParams.set("audience", audience.name);
  const headers = { authorization: `Bearer ${bearer}`, accept: "application/json" };
  const answer = await transport.send({ method: "GET", url: url.href, headers, timeoutMs: TIMEOUT_MS2 });
  const { value } = await membersOf(answer);
  if (answer.status === 200 && typeof value === "string")
    return value;
  if (isPassing(answer))
    throw unavailable(answer, `GitHub makes no token now: it answers ${answer.status}`);
  throw new BuildTokenError(answer.status, `GitHub gives this job no token, it answers ${answer.status}: ${PERMISSION}`);
}
function gitlab2(env, { name, isSafe }) {
  const jwt = env["RUNCAST_JWT"]?.trim();
  if (jwt)
    return Promise.resolve(jwt);
  const how = `give the job \`id_tokens: RUNCAST_JWT: aud: ${isSafe ? name : "PUBLIC_URL_OF_THE_SERVER"}\`, or set RUNCAST_TOKEN`;
  return Promise.reject(new BuildTokenError(401, `the server needs a token, and this job has none: ${how}`));
}

// ../js/dist/socket-node.js
var import_node_crypto2 = require("node:crypto");
var http3 = __toESM(require("node:http"), 1);
var https3 = __toESM(require("node:https"), 1);

// ../js/dist/frame-parser.js
var ProtocolError = class extends Error {
  closeCode;
  name = "ProtocolError";
  constructor(closeCode, message) {
    super(message);
    this.closeCode = closeCode;
  }
};
var CONTINUATION = 0;
var TEXT = 1;
var BINARY = 2;
var CLOSE = 8;
var PING = 9;
var PONG = 10;
var MAX_CONTROL_BYTES = 125;
var FrameParser = class {
  sink;
  maxMessageBytes;
  /** What has not been parsed yet: `#pending[0..#length]`. */
  #pending = new Uint8Array(0);
  #length = 0;
  /** The parts of a fragmented message, and its opcode; 0 if there is none. */
  #parts = [];
  #partsBytes = 0;
  #opcode = 0;
  /** `maxMessageBytes`: a longer message is refused with 1009. */
  constructor(sink, maxMessageBytes = 16 * 1024 * 1024) {
    this.sink = sink;
    this.maxMessageBytes = maxMessageBytes;
  }
  /** Takes the next bytes. Throws a {@link ProtocolError}, after which nothing more is to be pushed. */
  push(chunk) {
    if (this.#length === 0) {
      const used2 = this.#parse(chunk);
      if (used2 < chunk.length)
        this.#keep(chunk.subarray(used2));
      return;
    }
    this.#keep(chunk);
    const used = this.#parse(this.#pending.subarray(0, this.#length));
    if (used > 0) {
      this.#pending.copyWithin(0, used, this.#length);
      this.#length -= used;
    }
    if (this.#length === 0)
      this.#pending = new Uint8Array(0);
  }
  #keep(bytes) {
    const length = this.#length + bytes.length;
    if (length > this.#pending.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#pending.length));
      grown.set(this.#pending.subarray(0, this.#length));
      this.#pending = grown;
    }
    this.#pending.set(bytes, this.#length);
    this.#length = length;
  }
  /** Parses whole frames; returns how many bytes they had. */
  #parse(data) {
    let at = 0;
    while (data.length - at >= 2) {
      const first2 = data[at];
      const second = data[at + 1];
      this.#check(first2, second);
      let header2 = 2;
      let length = second & 127;
      if (length === 126) {
        header2 = 4;
        if (data.length - at < header2)
          break;
        length = data[at + 2] << 8 | data[at + 3];
      } else if (length === 127) {
        header2 = 10;
        if (data.length - at < header2)
          break;
        const view = new DataView(data.buffer, data.byteOffset + at + 2, 8);
        length = view.getUint32(0) * 2 ** 32 + view.getUint32(4);
      }
      const opcode = first2 & 15;
      const whole2 = opcode < CLOSE ? this.#partsBytes + length : length;
      if (whole2 > this.maxMessageBytes)
        throw new ProtocolError(1009, `a message has more than ${this.maxMessageBytes} bytes`);
      if (data.length - at < header2 + length)
        break;
      const payload = data.subarray(at + header2, at + header2 + length);
      at += header2 + length;
      if (opcode >= CLOSE)
        this.sink.control(opcode, payload);
      else
        this.#data(opcode, (first2 & 128) !== 0, payload);
    }
    return at;
  }
  #check(first2, second) {
    const opcode = first2 & 15;
    if ((first2 & 112) !== 0)
      throw new ProtocolError(1002, "a frame has reserved bits");
    if ((second & 128) !== 0)
      throw new ProtocolError(1002, "a frame of the server is masked");
    if (opcode >= CLOSE) {
      if (opcode > PONG)
        throw new ProtocolError(1002, `a frame has the reserved opcode ${opcode}`);
      if ((first2 & 128) === 0)
        throw new ProtocolError(1002, "a control frame is fragmented");
      if ((second & 127) > MAX_CONTROL_BYTES)
        throw new ProtocolError(1002, "a control frame is too long");
      return;
    }
    if (opcode > BINARY)
      throw new ProtocolError(1002, `a frame has the reserved opcode ${opcode}`);
    if (opcode === CONTINUATION && this.#opcode === 0)
      throw new ProtocolError(1002, "a continuation continues nothing");
    if (opcode !== CONTINUATION && this.#opcode !== 0)
      throw new ProtocolError(1002, "a message begins within another");
  }
  #data(opcode, final, payload) {
    if (final && opcode !== CONTINUATION)
      return this.sink.message(opcode, payload);
    if (opcode !== CONTINUATION)
      this.#opcode = opcode;
    this.#parts.push(payload.slice());
    this.#partsBytes += payload.length;
    if (!final)
      return;
    const whole2 = new Uint8Array(this.#partsBytes);
    let at = 0;
    for (const part of this.#parts) {
      whole2.set(part, at);
      at += part.length;
    }
    const began = this.#opcode;
    this.#parts = [];
    this.#partsBytes = 0;
    this.#opcode = 0;
    this.sink.message(began, whole2);
  }
};
function parseClose(payload) {
  if (payload.length === 0)
    return { code: 1005, reason: "" };
  if (payload.length === 1)
    throw new ProtocolError(1002, "a close frame has half a code");
  const code = payload[0] << 8 | payload[1];
  const allowed = code >= 1e3 && code <= 1014 && ![1004, 1005, 1006].includes(code) || code >= 3e3 && code <= 4999;
  if (!allowed)
    throw new ProtocolError(1002, `a close frame has the code ${code}`);
  return { code, reason: text(payload.subarray(2)) };
}
var decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
function text(payload) {
  try {
    return decoder.decode(payload);
  } catch {
    throw new ProtocolError(1007, "a text is not UTF-8");
  }
}
function encodeFrame(opcode, payload, mask) {
  const { length } = payload;
  const header2 = length < 126 ? 2 : length < 65536 ? 4 : 10;
  const frame = new Uint8Array(header2 + 4 + length);
  const view = new DataView(frame.buffer);
  frame[0] = 128 | opcode;
  frame[1] = 128 | (header2 === 2 ? length : header2 === 4 ? 126 : 127);
  if (header2 === 4)
    view.setUint16(2, length);
  if (header2 === 10) {
    view.setUint32(2, Math.floor(length / 2 ** 32));
    view.setUint32(6, length >>> 0);
  }
  frame.set(mask, header2);
  for (let i = 0; i < length; i++)
    frame[header2 + 4 + i] = payload[i] ^ mask[i & 3];
  return frame;
}

// ../js/dist/socket-node.js
var GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
var HANDSHAKE_MS = 15e3;
var CLOSE_MS = 2e3;
var MAX_REFUSAL_BYTES = 64 * 1024;
var openSocket = (options, events) => new NodeSocket(options, events);
var NodeSocket = class {
  canPause = true;
  #events;
  #request;
  #target;
  #proxy;
  #socket;
  #paused = false;
  /** Nothing is told any more. */
  #over = false;
  #closeSent = false;
  constructor({ url, headers }, events) {
    this.#events = events;
    const key = (0, import_node_crypto2.randomBytes)(16).toString("base64");
    this.#target = new URL(url.replace(/^ws/, "http"));
    this.#proxy = proxyFor(this.#target);
    const way = wayTo(this.#target, this.#proxy);
    const handshake = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": key };
    const options = { ...way, headers: { ...way.headers, ...headers, ...handshake }, timeout: HANDSHAKE_MS };
    this.#request = (way.protocol === "https:" ? https3 : http3).request(options);
    this.#request.on("upgrade", (response, socket, head) => this.#upgraded(key, response, socket, head));
    this.#request.on("response", (response) => void this.#refused(response));
    this.#request.on("timeout", () => this.#request.destroy(new TransportError("timeout", "no answer to the handshake")));
    this.#request.on("error", (error) => this.#end(1006, "", this.#explained(error)));
    this.#request.end();
  }
  send(message) {
    if (!this.#over)
      this.#write(TEXT, Buffer.from(message));
  }
  pause() {
    this.#paused = true;
    this.#socket?.pause();
  }
  resume() {
    this.#paused = false;
    this.#socket?.resume();
  }
  close() {
    if (this.#over)
      return;
    this.#over = true;
    if (this.#socket === void 0)
      this.#request.destroy();
    else
      this.#sayGoodbye(1e3);
  }
  #upgraded(key, response, socket, head) {
    socket.on("error", (error) => this.#end(1006, "", this.#explained(error)));
    if (this.#over)
      return void socket.destroy();
    const expected = (0, import_node_crypto2.createHash)("sha1").update(key + GUID).digest("base64");
    if (response.headers["sec-websocket-accept"] !== expected || response.headers["sec-websocket-extensions"] !== void 0) {
      socket.destroy();
      return this.#end(1006, "", new TransportError("proxy", "the handshake was answered by something that is no WebSocket server"));
    }
    this.#socket = socket;
    socket.setTimeout(0);
    socket.setNoDelay(true);
    const parser = new FrameParser({
      message: (opcode, payload) => {
        if (this.#over)
          return;
        if (opcode === TEXT)
          this.#events.text(text(payload));
        else if (opcode === BINARY)
          this.#events.binary(payload.slice());
      },
      control: (opcode, payload) => this.#control(opcode, payload)
    });
    const take = (chunk) => {
      if (this.#closeSent && this.#over)
        return;
      try {
        parser.push(chunk);
      } catch (error) {
        if (!(error instanceof ProtocolError))
          throw error;
        this.#sayGoodbye(error.closeCode);
        this.#end(1006, "", error);
      }
    };
    socket.on("data", take);
    socket.on("close", () => this.#end(1006, "", new TransportError("reset", "the connection ended without a close frame")));
    socket.on("end", () => socket.end());
    if (head.length > 0)
      take(head);
    if (this.#paused)
      socket.pause();
  }
  #control(opcode, payload) {
    if (opcode === PING) {
      this.#write(PONG, payload);
      if (!this.#over)
        this.#events.pinged();
    } else if (opcode === CLOSE) {
      const { code, reason: reason2 } = parseClose(payload);
      this.#sayGoodbye(code === 1005 ? 1e3 : code);
      this.#end(code, reason2);
    }
  }
  async #refused(response) {
    const chunks2 = [];
    let bytes = 0;
    try {
      for await (const chunk of response) {
        bytes += chunk.length;
        if (bytes <= MAX_REFUSAL_BYTES)
          chunks2.push(chunk);
      }
    } catch {
    }
    const header2 = (name) => {
      const value = response.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    };
    const answer = { status: response.statusCode ?? 0, header: header2, bytes: () => Promise.resolve(Buffer.concat(chunks2)) };
    this.#end(1006, "", await apiError(answer));
  }
  #write(opcode, payload) {
    if (this.#socket?.writable === true && !this.#closeSent)
      this.#socket.write(encodeFrame(opcode, payload, (0, import_node_crypto2.randomBytes)(4)));
  }
  /** Sends the close frame, once, and drops the connection when the server has had its time to answer. */
  #sayGoodbye(code) {
    if (this.#closeSent || this.#socket === void 0)
      return;
    this.#write(CLOSE, Uint8Array.of(code >> 8, code & 255));
    this.#closeSent = true;
    const socket = this.#socket;
    socket.resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), CLOSE_MS);
    timer.unref();
    socket.once("close", () => clearTimeout(timer));
  }
  #explained(error) {
    return explained(error, this.#target, this.#proxy);
  }
  #end(code, reason2, failure) {
    if (this.#over)
      return;
    this.#over = true;
    this.#events.closed(code, reason2, failure);
  }
};
function wayTo(url, proxy) {
  const path = url.pathname + url.search;
  const direct = { protocol: url.protocol, host: hostOf(url), port: portOf(url), path, agent: false };
  if (proxy === void 0)
    return direct;
  if (url.protocol === "https:")
    return { ...direct, agent: new TunnelAgent(proxy) };
  const authorization = proxyAuthorization(proxy.url);
  return {
    protocol: proxy.url.protocol,
    host: hostOf(proxy.url),
    port: portOf(proxy.url),
    path: url.href,
    headers: { host: url.host, ...authorization === void 0 ? {} : { "proxy-authorization": authorization } },
    agent: false
  };
}

// ../js/dist/socket-web.js
function openerOf(WebSocketClass) {
  return (options, events) => new WebSocketSocket(new WebSocketClass(options.url), events);
}
var WebSocketSocket = class {
  canPause = false;
  #socket;
  /** Aborted when nothing is to be told any more. */
  #detached = new AbortController();
  constructor(socket, events) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    let opened = false;
    const { signal } = this.#detached;
    socket.addEventListener("open", () => opened = true, { signal });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string")
        events.text(data);
      else
        events.binary(new Uint8Array(data));
    }, { signal });
    socket.addEventListener("close", ({ code, reason: reason2 }) => {
      this.#detached.abort();
      const failure = new TransportError(opened ? "reset" : "unreachable", opened ? "the connection broke" : "no WebSocket");
      events.closed(code, reason2, code === 1006 ? failure : void 0);
    }, { signal });
  }
  send(text4) {
    if (this.#socket.readyState === 1)
      this.#socket.send(text4);
  }
  pause() {
  }
  resume() {
  }
  close() {
    this.#detached.abort();
    this.#socket.close(1e3);
  }
};

// ../js/dist/transport-fetch.js
var TIMEOUT_MS3 = 3e4;
var SLOWEST_UPLOAD = 32;
function fetchTransport(send2) {
  return { send: (request) => exchange2(send2, request) };
}
async function exchange2(send2, request) {
  const { method, url, headers = {}, body, signal, timeoutMs = TIMEOUT_MS3 } = request;
  const host = new URL(url).host;
  const stop = new AbortController();
  const aborted = () => stop.abort(signal?.reason);
  if (signal?.aborted === true)
    throw signal.reason;
  signal?.addEventListener("abort", aborted, { once: true });
  const whole2 = body === void 0 ? void 0 : await bodyOf(body);
  const limitMs = timeoutMs + sizeOf(whole2) / SLOWEST_UPLOAD;
  const late = new TransportError("timeout", `${host} did not answer within ${Math.round(limitMs / 1e3)} s`);
  const timer = setTimeout(() => stop.abort(late), limitMs);
  const over = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
  };
  const explained2 = (error) => {
    over();
    if (stop.signal.aborted)
      return stop.signal.reason;
    const why2 = error instanceof Error ? error.message : String(error);
    return new TransportError("unreachable", `${host} can't be reached: ${why2}`, { cause: error });
  };
  try {
    const options = { method, headers, signal: stop.signal };
    const response = await send2(url, whole2 === void 0 ? options : { ...options, body: whole2 });
    return {
      status: response.status,
      header: (name) => response.headers.get(name) ?? void 0,
      bytes: async () => {
        try {
          return new Uint8Array(await response.arrayBuffer());
        } catch (error) {
          throw explained2(error);
        } finally {
          over();
        }
      }
    };
  } catch (error) {
    throw explained2(error);
  }
}
async function bodyOf(body) {
  if (typeof body === "string" || body instanceof Blob)
    return body;
  if (body instanceof Uint8Array)
    return body;
  const parts3 = [];
  for await (const part of body)
    parts3.push(part);
  return new Blob(parts3);
}
function sizeOf(body) {
  if (body === void 0)
    return 0;
  return body instanceof Blob ? body.size : body.length;
}

// ../js/dist/context-of.js
function contextOf(options) {
  const tokens = new Tokens(options.token);
  return {
    baseUrls: new BaseUrls(options.url),
    transport: options.fetch === void 0 ? createTransport() : fetchTransport(options.fetch),
    token: () => tokens.get(),
    refuse: (token) => tokens.refuse(token),
    renew: () => tokens.renew(),
    clientName: `runcast-js/${VERSION}`,
    user: options.user,
    clientId: options.clientId,
    openSocket: options.WebSocket === void 0 ? openSocket : openerOf(options.WebSocket)
  };
}

// ../js/dist/read.js
function readState(context, runId, query = {}) {
  const { at, signal } = query;
  const path = at === void 0 ? runPath(runId) : `${runPath(runId)}?${search({ at })}`;
  return callJson(context, { method: "GET", path, ...signalOf(signal) });
}
function readTimeline(context, runId, query = {}) {
  const path = `${runPath(runId)}/timeline?${search({ bins: query.bins })}`;
  return callJson(context, { method: "GET", path, ...signalOf(query.signal) });
}
async function* readHits(context, runId, q, query = {}) {
  const { types, test, variant, limit, signal } = query;
  let after = String(query.after ?? "");
  for (let more = true; more; ) {
    const path = `${runPath(runId)}/search?${search({ q, types: types?.join(","), test, variant, limit, after })}`;
    const page = await callJson(context, {
      method: "GET",
      path,
      ...signalOf(signal)
    });
    yield* page.hits;
    after = page.cursor;
    more = page.more;
  }
}
async function* readTests(context, runId, query = {}) {
  const { status, variant, at, limit = 500, signal } = query;
  const statuses = status === void 0 ? void 0 : typeof status === "string" ? status : status.join(",");
  let after = 0;
  for (let more = true; more; ) {
    const path = `${runPath(runId)}/tests?${search({ after, limit, status: statuses, variant, at })}`;
    const page = await callJson(context, { method: "GET", path, ...signalOf(signal) });
    yield* page.tests;
    after = page.next;
    more = page.more;
  }
}
async function* readEvents(context, runId, query = {}) {
  const { types, test, variant, limit = 1e3, signal } = query;
  const filter = { types: types?.join(","), test, variant };
  let { after, before } = query;
  for (let more = true; more; ) {
    const path = `${runPath(runId)}/events?${search({ after, before, limit, ...filter })}`;
    const page = await callJson(context, { method: "GET", path, ...signalOf(signal) });
    yield page;
    if (before === void 0)
      after = page.cursor;
    else
      before = page.before;
    more = page.more && before !== null;
  }
}
async function* readRuns(context, query = {}) {
  const { status, since, limit = 100, signal, group, q, project, branch, author, label } = query;
  const statuses = status === void 0 || typeof status === "string" ? status : status.join(",");
  const from = since instanceof Date ? since.toISOString() : since;
  const chosen = { status: statuses, group, q, project, branch, author, label, since: from };
  const filter = { ...chosen, limit, groups: 0, projects: 0 };
  let cursor;
  do {
    const path = `/api/runs?${search({ ...filter, cursor })}`;
    const page = await callJson(context, {
      method: "GET",
      path,
      ...signalOf(signal)
    });
    yield* page.runs;
    cursor = page.more ? page.cursor : null;
  } while (cursor !== null);
}
function readHistory(context, runId, tests, options = {}) {
  const asked = new URLSearchParams();
  const inVariants = tests.some((test) => typeof test !== "string");
  for (const test of tests) {
    const { testId, variant } = typeof test === "string" ? { testId: test, variant: null } : test;
    asked.append("test", testId);
    if (inVariants)
      asked.append("variant", variant ?? "");
  }
  return callJson(context, { method: "GET", path: `${runPath(runId)}/history?${asked}`, ...options });
}
function readComparison(context, runId, { with: other, signal } = {}) {
  const path = `${runPath(runId)}/compare?${search({ with: other })}`;
  return callJson(context, { method: "GET", path, ...signalOf(signal) });
}
function search(parameters) {
  const given2 = Object.entries(parameters).filter(([, value]) => value !== void 0 && value !== null && value !== "");
  return new URLSearchParams(given2.map(([name, value]) => [name, String(value)]));
}
function signalOf(signal) {
  return signal === void 0 ? {} : { signal };
}

// ../js/dist/backoff.js
var Backoff = class {
  minMs;
  maxMs;
  random;
  #attempts = 0;
  constructor(minMs = 250, maxMs = 1e4, random = Math.random) {
    this.minMs = minMs;
    this.maxMs = maxMs;
    this.random = random;
  }
  /** The next pause in milliseconds: anything up to `minMs * 2^attempts`, at most `maxMs`, but at least `atLeastMs`. */
  next(atLeastMs = 0) {
    const most = Math.min(this.maxMs, this.minMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return atLeastMs + this.random() * most;
  }
  /** The next pause is a short one again. */
  reset() {
    this.#attempts = 0;
  }
};
function sleep(ms, signal) {
  return new Promise((resolve3, reject) => {
    if (signal?.aborted)
      return reject(signal.reason);
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve3();
    }, ms);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

// ../js/dist/uuid7.js
function uuid7(now = Date.now()) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(now / 2 ** 32));
  view.setUint32(2, now % 2 ** 32);
  view.setUint8(6, 112 | view.getUint8(6) & 15);
  view.setUint8(8, 128 | view.getUint8(8) & 63);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// ../js/dist/command.js
var FIRST_LOOK_MS = 100;
var LONGEST_LOOK_MS = 1e3;
var PATIENCE_MS = 6e4;
var AT_ONCE = /* @__PURE__ */ new Set(["answer", "extend", "withdraw", "take_control", "release_control", "renew_control"]);
var OPEN = ["queued", "accepted"];
async function command(context, runId, what, options = {}) {
  const given2 = await give(context, runId, what, options);
  return new CommandHandle(context, runId, given2, AT_ONCE.has(what.type), options.signal);
}
async function give(context, runId, what, options = {}) {
  const { target, expect, ttlSecs, lease, signal } = options;
  const body = JSON.stringify({
    ...what,
    commandId: options.commandId ?? what.commandId ?? uuid7(),
    ...target !== void 0 && { target: typeof target === "string" ? { producer: target } : target },
    ...expect !== void 0 && { expect },
    ...ttlSecs !== void 0 && { expiresInSecs: ttlSecs },
    ...lease !== void 0 && { lease }
  });
  const known = context.clientId === void 0 ? "" : `?${new URLSearchParams({ clientId: context.clientId })}`;
  return insist(signal, () => callJson(context, {
    method: "POST",
    path: `${runPath(runId)}/commands${known}`,
    headers: { "content-type": "application/json" },
    body,
    ...signal && { signal }
  }));
}
async function insist(signal, attempt) {
  const until = Date.now() + PATIENCE_MS;
  const backoff = new Backoff();
  for (; ; ) {
    try {
      return await attempt();
    } catch (error) {
      const isRefusal = error instanceof ApiError;
      const isFinal3 = isRefusal && (!error.passing || error.status === 429 && error.retryAfterMs === void 0);
      if (signal?.aborted === true || error instanceof SyntaxError || isFinal3)
        throw error;
      const pause = backoff.next(isRefusal ? error.retryAfterMs ?? 0 : 0);
      if (Date.now() + pause > until)
        throw error;
      await sleep(pause, signal);
    }
  }
}
var CommandHandle = class {
  /** The command's id. */
  id;
  /** The cursor of the command's event. */
  cursor;
  #context;
  #runId;
  #signal;
  #status;
  #done;
  #isOver;
  #listeners = /* @__PURE__ */ new Set();
  constructor(context, runId, given2, isAtOnce, signal) {
    this.#context = context;
    this.#runId = runId;
    this.#signal = signal;
    this.id = given2.commandId;
    this.cursor = given2.cursor;
    this.#status = isAtOnce ? "done" : given2.state;
    this.#isOver = isAtOnce;
  }
  /** How far it has come, as was last seen: it is looked at while {@link done} or an iterator is waited for. */
  get status() {
    return this.#status;
  }
  /** Resolves when the command has an end, whatever it is; asking for it begins to follow the command. */
  get done() {
    this.#done ??= this.#isOver ? Promise.resolve({ status: this.#status }) : this.#follow();
    this.#done.catch(() => {
    });
    return this.#done;
  }
  async *[Symbol.asyncIterator]() {
    const seen = [this.#status];
    let wake = () => {
    };
    const changed = () => {
      if (seen.at(-1) !== this.#status)
        seen.push(this.#status);
      wake();
    };
    let isOver = false;
    let failure;
    this.#listeners.add(changed);
    this.done.catch((error) => failure = error).finally(() => {
      isOver = true;
      wake();
    });
    try {
      for (let at = 0; ; ) {
        const next = seen[at];
        if (next !== void 0) {
          at += 1;
          yield next;
        } else if (isOver) {
          if (failure !== void 0)
            throw failure;
          return;
        } else {
          await new Promise((resolve3) => wake = resolve3);
        }
      }
    } finally {
      this.#listeners.delete(changed);
    }
  }
  async #follow() {
    const signal = this.#signal;
    for (let pause = FIRST_LOOK_MS; ; pause = Math.min(LONGEST_LOOK_MS, pause * 2)) {
      const shown2 = await this.#look();
      if (shown2 !== void 0 && shown2.state !== this.#status) {
        this.#status = shown2.state;
        for (const changed of this.#listeners)
          changed();
      }
      if (!OPEN.includes(this.#status)) {
        const { detail, result, producer } = shown2 ?? {};
        return {
          status: this.#status,
          ...detail != null && { detail },
          ...result != null && { result },
          ...producer != null && { producer }
        };
      }
      await sleep(pause, signal);
    }
  }
  /** The command as the run's state shows it; undefined: it has ended too long ago. */
  async #look() {
    const signal = this.#signal;
    const state = await insist(signal, () => callJson(this.#context, {
      method: "GET",
      path: runPath(this.#runId),
      ...signal && { signal }
    }));
    return state.commands?.find(({ commandId }) => commandId === this.id);
  }
};

// ../js/dist/control.js
async function control(context, runId, options = {}) {
  const { steal = false, signal } = options;
  const taken = await give(context, runId, { type: "take_control", steal }, signal && { signal });
  return new Lease(context, runId, taken.cursor, (options.renewSecs ?? 15) * 1e3);
}
var Lease = class {
  token;
  /** Resolves to the reason when somebody else has taken control, or the run has ended; not when it was released. */
  lost;
  #context;
  #runId;
  #ended = new AbortController();
  #lose = () => {
  };
  #isHeld = true;
  constructor(context, runId, token, renewMs) {
    this.token = token;
    this.#context = context;
    this.#runId = runId;
    this.lost = new Promise((resolve3) => this.#lose = resolve3);
    void this.#renew(renewMs);
  }
  /** Whether it was neither released nor lost, as far as that is known. */
  get isHeld() {
    return this.#isHeld;
  }
  /** Gives a command under this lease: it is refused with `lease_lost` when it is the run's no more. */
  async command(what, options = {}) {
    try {
      return await command(this.#context, this.#runId, what, { ...options, lease: this.token });
    } catch (error) {
      this.#check(error);
      throw error;
    }
  }
  /** Gives control back. Nothing happens if it is lost. */
  async release() {
    if (!this.#isHeld)
      return;
    this.#end();
    try {
      await give(this.#context, this.#runId, { type: "release_control" }, { lease: this.token });
    } catch (error) {
      if (!(error instanceof ApiError) || error.passing)
        throw error;
    }
  }
  [Symbol.asyncDispose]() {
    return this.release();
  }
  async #renew(everyMs) {
    while (this.#isHeld) {
      await this.#rest(everyMs);
      if (!this.#isHeld)
        return;
      try {
        const options = { lease: this.token, signal: this.#ended.signal };
        await give(this.#context, this.#runId, { type: "renew_control" }, options);
      } catch (error) {
        this.#check(error);
      }
    }
  }
  /** Waits until it is time, or the lease ends. The process stays alive: it has control of something. */
  #rest(ms) {
    return new Promise((resolve3) => {
      const end = () => {
        clearTimeout(timer);
        this.#ended.signal.removeEventListener("abort", end);
        resolve3();
      };
      const timer = setTimeout(end, ms);
      this.#ended.signal.addEventListener("abort", end);
    });
  }
  #check(error) {
    if (!(error instanceof ApiError) || !this.#isHeld)
      return;
    if (!["lease_lost", "run_ended", "run_gone", "run_not_found"].includes(error.code))
      return;
    this.#end();
    this.#lose(error);
  }
  #end() {
    this.#isHeld = false;
    this.#ended.abort();
  }
};

// ../js/dist/publish-exit.js
var open = /* @__PURE__ */ new Set();
function nodeProcess() {
  const found = globalThis.process;
  return found?.versions?.node === void 0 ? void 0 : found;
}
var beforeExit = () => open.forEach((each) => each.beforeExit());
var exit = () => open.forEach((each) => each.exit());
function atExit(exiting) {
  const process2 = nodeProcess();
  if (process2 === void 0)
    return () => {
    };
  if (open.size === 0)
    process2.on("beforeExit", beforeExit).on("exit", exit);
  open.add(exiting);
  return () => {
    if (open.delete(exiting) && open.size === 0)
      process2.off("beforeExit", beforeExit).off("exit", exit);
  };
}
function setQuietTimeout(callback, ms) {
  const timer = setTimeout(callback, ms);
  timer.unref?.();
  return timer;
}
function keepAlive() {
  const timer = setInterval(() => {
  }, 1 << 30);
  return () => clearInterval(timer);
}
function quietSleep(ms, signal) {
  return new Promise((resolve3) => {
    if (signal.aborted)
      return resolve3();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve3();
    };
    const timer = setQuietTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}

// ../js/dist/publish-asks.js
var EXPIRES_SECS = 300;
var GRACE_MS = 3e4;
var Asks = class {
  port;
  #open = /* @__PURE__ */ new Map();
  constructor(port) {
    this.port = port;
  }
  /** Asks; resolves when it is answered or has expired. */
  async ask(askId, question, signal) {
    signal?.throwIfAborted();
    if (this.#open.has(askId))
      throw new TypeError(`the question ${askId} is being asked`);
    let timer;
    const answered = new Promise((resolve3, reject) => {
      const setDeadline = (ms) => {
        clearTimeout(timer);
        timer = setQuietTimeout(() => resolve3(expired(question)), ms + GRACE_MS);
      };
      this.#open.set(askId, { question, resolve: resolve3, reject, setDeadline });
      setDeadline((question.expiresInSecs ?? EXPIRES_SECS) * 1e3);
    });
    const aborted = () => this.#open.get(askId)?.reject(signal?.reason);
    signal?.addEventListener("abort", aborted, { once: true });
    this.port.want(true);
    try {
      this.port.emit({ ...question, type: "ai_stuck", askId });
      return await answered;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      this.#open.delete(askId);
      if (this.#open.size === 0)
        this.port.want(false);
    }
  }
  /** An event of the log that may be about a question. */
  event(event) {
    const askId = event["askId"];
    const ask = typeof askId === "string" ? this.#open.get(askId) : void 0;
    if (ask === void 0)
      return;
    switch (event.type) {
      case "ask_answered":
        void this.#answered(ask, event);
        break;
      case "ask_expired":
        ask.resolve({ ...expired(ask.question), ...picked(event, ["action", "value"]), event });
        break;
      case "ask_extended":
      case "ask_reopened": {
        const until = Date.parse(String(event["expiresAt"]));
        const at = Date.parse(String(event["at"]));
        if (until > at)
          ask.setDeadline(until - at);
      }
    }
  }
  /** The server did not open a question. */
  refused(askId, reason2) {
    this.#open.get(askId)?.reject(reason2);
  }
  /** Nothing is going to be answered any more. */
  end(reason2) {
    for (const ask of this.#open.values())
      ask.reject(reason2);
  }
  async #answered(ask, event) {
    const resolution = String(event["resolution"] ?? "answered");
    const answer = { resolution, ...picked(event, ["value", "candidateId", "point"]), event };
    const { commandId } = event;
    if (event["secret"] !== true || commandId === void 0)
      return ask.resolve(answer);
    try {
      const claim = await this.port.claim(commandId);
      if (claim?.secret === void 0)
        return;
      ask.resolve({ ...answer, value: claim.secret });
      this.port.report(commandId, "done");
    } catch (error) {
      ask.reject(error);
    }
  }
};
function expired({ onTimeout }) {
  return { resolution: "expired", ...onTimeout && picked(onTimeout, ["action", "value"]) };
}
function picked(from, names) {
  return Object.fromEntries(names.filter((name) => from[name] != null).map((name) => [name, from[name]]));
}

// ../js/dist/publish-commands.js
var WAIT_SECS = 25;
var TIMEOUT_MS4 = (WAIT_SECS + 15) * 1e3;
var REMEMBERED = 2e3;
var Commands = class {
  context;
  runId;
  producer;
  target;
  /** The last command that has been handed on. */
  after;
  claims = /* @__PURE__ */ new Map();
  #seen = /* @__PURE__ */ new Set();
  #tag;
  #polling;
  #wanted = false;
  #exists = false;
  constructor(context, runId, producer, target) {
    this.context = context;
    this.runId = runId;
    this.producer = producer;
    this.target = target;
  }
  /** Whether commands are asked for also while nothing is posted. */
  want(wanted) {
    this.#wanted = wanted;
    if (!wanted)
      this.#polling?.abort();
    else if (this.#exists && this.#polling === void 0)
      void this.#poll();
  }
  /** Takes what the answer to a post or frame says. */
  answered(answer) {
    this.#hints(answer.hints);
    this.#take(answer.commands ?? [], answer.commandsCursor, answer.commandsReset);
    if (answer.stored === void 0)
      return;
    this.#exists = true;
    if (this.#wanted)
      this.want(true);
    else if (answer.moreCommands === true)
      void this.#ask(0).catch(() => {
      });
  }
  /**
   * Claims an act, for this producer alone. Undefined: another one has it, or it is too late. Repeats the request until
   * the server answers.
   */
  async claim(commandId, signal) {
    const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0"));
    const headers = { "runcast-producer": this.producer, "runcast-claim-key": key.join("") };
    const path = `${runPath(this.runId)}/commands/${encodeURIComponent(commandId)}/claim`;
    const backoff = new Backoff();
    for (; ; ) {
      let pause = 0;
      try {
        const request = { method: "POST", path, headers, ...signal && { signal } };
        const claim = await callJson(this.context, request);
        this.claims.set(commandId, claim.claim);
        for (const old of this.claims.keys())
          if (this.claims.size > REMEMBERED)
            this.claims.delete(old);
        return claim;
      } catch (error) {
        if (signal?.aborted === true)
          throw error;
        if (error instanceof ApiError) {
          if (error.code === "command_claimed" || error.code === "command_expired")
            return void 0;
          if (!error.passing)
            throw error;
          pause = error.retryAfterMs ?? 0;
        }
      }
      await sleep(backoff.next(pause), signal);
    }
  }
  async #poll() {
    const polling = new AbortController();
    this.#polling = polling;
    const backoff = new Backoff();
    while (!polling.signal.aborted) {
      try {
        const began = Date.now();
        const news = await this.#ask(WAIT_SECS, polling.signal);
        backoff.reset();
        if (!news && Date.now() - began < 1e3)
          await quietSleep(1e3, polling.signal);
      } catch (error) {
        if (polling.signal.aborted)
          break;
        if (error instanceof ApiError && (error.code === "run_gone" || error.status === 403))
          break;
        const pause = error instanceof ApiError ? error.retryAfterMs ?? 0 : 0;
        await quietSleep(backoff.next(pause), polling.signal);
      }
    }
    this.#polling = void 0;
    if (polling.signal.aborted && this.#wanted)
      void this.#poll();
  }
  /** Asks once; resolves to whether there was anything new. */
  async #ask(wait, signal) {
    const query = new URLSearchParams({ wait: String(wait) });
    if (this.after !== void 0)
      query.set("after", this.after);
    if (this.#tag !== void 0)
      query.set("hints", this.#tag);
    const answer = await callJson(this.context, {
      method: "GET",
      path: `${runPath(this.runId)}/commands?${query.toString()}`,
      headers: { "runcast-producer": this.producer },
      timeoutMs: TIMEOUT_MS4,
      background: true,
      ...signal && { signal }
    });
    const tag = this.#tag;
    this.#hints(answer.hints);
    this.#take(answer.commands, answer.cursor, answer.reset);
    return answer.commands.length > 0 || answer.reset === true || tag !== this.#tag;
  }
  #hints(hints) {
    if (hints === void 0 || hints.tag === this.#tag)
      return;
    this.#tag = hints.tag;
    this.target.hints(hints);
  }
  /** Hands on what is new, and goes on from `cursor`. */
  #take(commands, cursor, reset = false) {
    for (const command3 of commands) {
      const key = keyOf(command3.event, command3.cursor);
      if (this.#seen.has(key))
        continue;
      this.#seen.add(key);
      this.target.command(command3);
    }
    for (const old of this.#seen) {
      if (this.#seen.size <= REMEMBERED)
        break;
      this.#seen.delete(old);
    }
    if (cursor !== void 0 && (reset || isBehind(this.after, cursor)))
      this.after = cursor;
  }
};
function keyOf(event, cursor) {
  return `${event.type} ${event.commandId ?? event["askId"] ?? cursor}`;
}
function isBehind(old, cursor) {
  if (old === void 0)
    return true;
  const [oldEpoch, oldSeq] = old.split(":");
  const [epoch, seq] = cursor.split(":");
  return oldEpoch !== epoch || Number(seq) > Number(oldSeq);
}

// ../js/dist/publish-frames.js
var MAX_STREAMS = 64;
var MAX_IN_FLIGHT = 4;
var TIMEOUT_MS5 = 5e3;
var Frames = class {
  context;
  runId;
  producer;
  answered;
  sent = 0;
  dropped = 0;
  /** The newest frame of each stream that waits. */
  #waiting = /* @__PURE__ */ new Map();
  #inFlight = /* @__PURE__ */ new Set();
  #backoff = new Backoff(1e3, 1e4);
  #quietUntil = 0;
  #closed = new AbortController();
  constructor(context, runId, producer, answered) {
    this.context = context;
    this.runId = runId;
    this.producer = producer;
    this.answered = answered;
  }
  /** Shows a frame. One that waits in the stream gives way to it. */
  show(stream, frame) {
    const isNew = !this.#waiting.has(stream);
    if (this.#closed.signal.aborted || Date.now() < this.#quietUntil || isNew && this.#waiting.size >= MAX_STREAMS) {
      this.dropped += 1;
      return;
    }
    if (!isNew)
      this.dropped += 1;
    this.#waiting.set(stream, frame);
    this.#next();
  }
  close() {
    this.#closed.abort();
    this.#waiting.clear();
  }
  #next() {
    for (const [stream, frame] of this.#waiting) {
      if (this.#inFlight.size >= MAX_IN_FLIGHT)
        return;
      if (this.#inFlight.has(stream))
        continue;
      this.#waiting.delete(stream);
      this.#inFlight.add(stream);
      void this.#send(stream, frame).finally(() => {
        this.#inFlight.delete(stream);
        this.#next();
      });
    }
  }
  async #send(stream, frame) {
    const headers = {
      "content-type": frame.contentType ?? "image/jpeg",
      "runcast-stream": stream,
      "runcast-producer": this.producer
    };
    if (frame.width !== void 0)
      headers["runcast-width"] = String(frame.width);
    if (frame.height !== void 0)
      headers["runcast-height"] = String(frame.height);
    if (frame.testId !== void 0)
      headers["runcast-test"] = frame.testId;
    try {
      const response = await send(this.context, {
        method: "POST",
        path: `${runPath(this.runId)}/frame`,
        headers,
        body: frame.bytes,
        timeoutMs: TIMEOUT_MS5,
        background: true,
        signal: this.#closed.signal
      });
      if (response.status < 200 || response.status > 299)
        throw await apiError(response);
      const answer = JSON.parse(new TextDecoder().decode(await response.bytes()));
      this.sent += 1;
      this.#backoff.reset();
      this.answered({ ...answer.hints && { hints: answer.hints } });
    } catch {
      this.dropped += 1;
      this.#quietUntil = Date.now() + this.#backoff.next();
    }
  }
};
var PARTS_TYPE = "application/vnd.runcast.trace-parts";
function partsBody(parts3) {
  const encoder2 = new TextEncoder();
  const framed = parts3.map(({ entry, offset, bytes }) => ({
    header: encoder2.encode(JSON.stringify({ entry, offset, size: bytes.byteLength })),
    bytes
  }));
  const size = framed.reduce((sum, { header: header2, bytes }) => sum + 4 + header2.length + bytes.byteLength, 0);
  const body = new Uint8Array(size);
  const view = new DataView(body.buffer);
  let at = 0;
  for (const { header: header2, bytes } of framed) {
    view.setUint32(at, header2.length);
    body.set(header2, at + 4);
    body.set(bytes, at + 4 + header2.length);
    at += 4 + header2.length + bytes.byteLength;
  }
  return body;
}

// ../js/dist/publish-shorten.js
var CUTS = [
  { chars: 16384, items: Infinity },
  { chars: 4096, items: Infinity },
  { chars: 1024, items: Infinity },
  { chars: 256, items: Infinity },
  { chars: 256, items: 100 },
  { chars: 256, items: 10 }
];
var MEMBERS = 100;
function shortened(text4, maxChars, reason2) {
  const event = JSON.parse(text4);
  for (const { chars, items } of CUTS) {
    const marked = items === Infinity ? event : { ...event, shortened: true };
    const cut = JSON.stringify(marked, (name, value) => {
      if (typeof value === "string")
        return cutTo(value, chars);
      return name === "" ? value : firstOf(value, items);
    });
    if (cut.length <= maxChars)
      return cut;
  }
  const named2 = (name) => typeof event[name] === "string" ? { [name]: cutTo(event[name], 256) } : {};
  return JSON.stringify({
    type: "log",
    ...named2("timestamp"),
    ...named2("testId"),
    text: `An event of type ${cutTo(String(event["type"]), 64)} with ${text4.length} characters was left out: ${reason2}`,
    data: { head: cutTo(text4, 256), characters: text4.length, reason: cutTo(reason2, 256) }
  });
}
function cutTo(text4, most) {
  if (text4.length <= most)
    return text4;
  return `${text4.slice(0, most).replace(/[\ud800-\udbff]$/, "")}… (${text4.length - most} characters more)`;
}
function firstOf(value, most) {
  if (Array.isArray(value))
    return value.slice(0, most);
  if (typeof value !== "object" || value === null || most === Infinity)
    return value;
  return Object.fromEntries(Object.entries(value).slice(0, MEMBERS));
}

// ../js/dist/publish-outbox.js
var RECENT_BYTES = 1024 * 1024;
var FEWEST = 8;
var Outbox = class {
  queue;
  limits;
  /** The number of the next event. */
  next = 1;
  /** The run takes nothing but its end. */
  isFull = false;
  #batches = [];
  #window;
  /** A request whose outcome is unknown. */
  #doubt;
  #recent = [];
  #recentBytes = 0;
  #answered = false;
  constructor(queue, limits) {
    this.queue = queue;
    this.limits = limits;
    this.#window = limits.events;
  }
  /** Events that are not settled yet. */
  get pending() {
    return this.#batches.reduce((sum, batch) => sum + batch.events.length, this.queue.length);
  }
  /** The ordinal of the oldest of them. */
  get oldest() {
    return (this.#batches.find((batch) => !batch.isResent)?.events[0] ?? this.queue.first)?.ordinal;
  }
  /** Whether there is enough for a whole request. */
  get hasWholeBatch() {
    return this.#batches.length > 0 || this.queue.length >= this.limits.events || this.queue.bytes >= this.limits.bytes;
  }
  /** The batch that is to be posted next. */
  current() {
    const waiting = this.#batches[0];
    if (waiting !== void 0)
      return waiting;
    const events = this.queue.take(Math.min(this.#window, this.isFull ? 1 : Infinity), this.limits.bytes);
    if (events.length === 0)
      return void 0;
    const batch = { events, skip: this.queue.dropped, isResent: false };
    this.queue.dropped = 0;
    this.#batches.push(batch);
    return batch;
  }
  /** The number of the batch's first event. */
  first(batch) {
    return this.next + batch.skip;
  }
  /** The batch was posted, and may be stored. */
  isDoubtful(batch) {
    this.#doubt ??= { first: this.first(batch), events: [...batch.events] };
  }
  /**
   * The batch is stored. Returns how many events are. Those that the server took for events of an earlier process with
   * the same producer's id stay, under new numbers.
   */
  stored(batch, numbers) {
    const first2 = this.first(batch);
    const last = first2 + batch.events.length - 1;
    const high = Math.max(last, numbers.producerSeq ?? last);
    const doubt = this.#doubt;
    const { duplicates } = numbers;
    const isOther = !this.#answered && doubt === void 0 && (high > last || duplicates < batch.events.length);
    this.#answered = true;
    this.#doubt = void 0;
    this.next = high + 1;
    this.#window = Math.min(this.limits.events, this.#window * 2);
    if (isOther && duplicates > 0) {
      const taken = batch.events.splice(duplicates);
      batch.skip = 0;
      return this.#settle({ ...batch, events: taken }, first2 + duplicates);
    }
    this.#batches.shift();
    let stored = this.#settle(batch, first2);
    if (high > last && doubt !== void 0 && doubt.first + doubt.events.length - 1 === high) {
      const taken = new Set(doubt.events);
      for (const later of this.#batches) {
        const isTaken = later.events.filter((event) => taken.has(event));
        later.events = later.events.filter((event) => !taken.has(event));
        stored += this.#settle({ ...later, events: isTaken }, this.next - isTaken.length);
      }
      this.#batches = this.#batches.filter((later) => later.events.length > 0);
    }
    return stored;
  }
  /** The request had too many events or bytes; false if it has but one event. */
  split(batch, by, bodyBytes) {
    const { events } = batch;
    if (events.length < 2)
      return false;
    const half = Math.ceil(events.length / 2);
    if (by === "events")
      this.limits.events = half;
    else
      this.limits.bytes = Math.max(1024, Math.floor(bodyBytes / 2));
    this.#window = Math.min(this.#window, this.limits.events);
    this.#cut(batch, half);
    return true;
  }
  /** The server refuses one event: the others go without it. */
  refuse(batch, index) {
    const [event] = batch.events.splice(index, 1);
    if (event === void 0)
      return void 0;
    if (!batch.isResent)
      this.queue.settle(event);
    if (batch.events.length === 0)
      this.#drop(batch);
    this.#window = Math.max(FEWEST, Math.floor(this.#window / 2));
    if (batch.events.length > this.#window)
      this.#cut(batch, this.#window);
    return event;
  }
  /** An event is too large: a shorter one takes its place. False if it has been shortened as far as possible. */
  shorten(batch, index, reason2) {
    const event = batch.events[index];
    if (event === void 0)
      return false;
    const text4 = shortened(event.text, Math.floor(event.text.length / 2), reason2);
    if (text4.length >= event.text.length)
      return false;
    this.queue.resize(event, text4);
    return true;
  }
  /** The server knows of numbers up to `expected` alone: what is still here is posted again, the rest is lost. */
  rewind(batch, expected) {
    const known = this.#recent.filter(({ number }) => number >= expected && number < this.next);
    const first2 = known[0]?.number ?? this.first(batch);
    if (known.length > 0) {
      const events = known.map(({ event }) => event);
      this.#batches.unshift({ events, skip: first2 - expected, isResent: true });
      this.#doubt = void 0;
    } else {
      batch.skip = first2 - expected;
    }
    this.#recent = [];
    this.#recentBytes = 0;
    this.next = expected;
  }
  /** The run is full: all but its end is given up. Returns how many events that were. */
  giveUpDetail() {
    this.isFull = true;
    this.limits.events = 1;
    this.#window = 1;
    const events = this.#takeAll();
    const ends = events.filter((event) => event.isEnd);
    for (const event of events)
      if (!event.isEnd)
        this.queue.settle(event);
    this.#batches = ends.map((event) => ({ events: [event], skip: 0, isResent: false }));
    return events.length - ends.length;
  }
  /** Gives up everything. Returns how many events that were. */
  giveUp() {
    const events = this.#takeAll();
    for (const event of events)
      this.queue.settle(event);
    return events.length;
  }
  /** What is left, as parts of numbered events, for a file. It stays. */
  *rest() {
    let next = this.next;
    for (let batch = this.#batches[0] ?? this.current(), index = 0; batch; batch = this.#batches[index]) {
      yield { first: next + batch.skip, events: batch.events };
      next += batch.skip + batch.events.length;
      index += 1;
      if (index === this.#batches.length) {
        const events = this.queue.take(this.limits.events, this.limits.bytes);
        if (events.length > 0)
          this.#batches.push({ events, skip: this.queue.dropped, isResent: false });
        this.queue.dropped = 0;
      }
    }
  }
  #takeAll() {
    const all = this.#batches.filter((batch) => !batch.isResent).flatMap((batch) => batch.events);
    this.#batches = [];
    this.#doubt = void 0;
    for (let more = this.queue.take(1e3, Infinity); more.length > 0; more = this.queue.take(1e3, Infinity)) {
      all.push(...more);
    }
    return all;
  }
  /** Cuts a batch into two. */
  #cut(batch, at) {
    const rest = { events: batch.events.splice(at), skip: 0, isResent: batch.isResent };
    this.#batches.splice(this.#batches.indexOf(batch) + 1, 0, rest);
  }
  /** Takes an empty batch away; what it skipped is skipped by the next one. */
  #drop(batch) {
    this.#batches = this.#batches.filter((other) => other !== batch);
    const [next] = this.#batches;
    if (next !== void 0)
      next.skip += batch.skip;
    else
      this.queue.dropped += batch.skip;
  }
  #settle(batch, first2) {
    batch.events.forEach((event, index) => {
      if (!batch.isResent)
        this.queue.settle(event);
      this.#recent.push({ number: first2 + index, event });
      this.#recentBytes += event.bytes;
    });
    let old = 0;
    while (this.#recentBytes > RECENT_BYTES)
      this.#recentBytes -= this.#recent[old++]?.event.bytes ?? 0;
    if (old > 0)
      this.#recent = this.#recent.slice(old);
    return batch.isResent ? 0 : batch.events.length;
  }
};

// ../js/dist/publish-queue.js
var OVERHEAD = 128;
var OF_VARIANT = /* @__PURE__ */ new Set(["test_plan", "test_status", "test_step", "log"]);
var ENDS = /* @__PURE__ */ new Set(["passed", "failed", "cancelled", "timedout", "interrupted", "lost"]);
function queued(event, ordinal) {
  const stamped = event.timestamp === void 0 ? { ...event, timestamp: (/* @__PURE__ */ new Date()).toISOString() } : event;
  const text4 = JSON.stringify(stamped);
  if (text4 === void 0 || text4[0] !== "{")
    throw new TypeError("an event is an object with a `type`");
  const { type } = event;
  const joins = type === "worker" && event["state"] === "joined";
  const error = type === "test_step" && member(event, "step", "error") != null;
  const entry = {
    text: text4,
    bytes: utf8Length(text4),
    kind: type === "test_step" && !error ? "step" : type === "log" ? "log" : "kept",
    type: String(type),
    takesVariant: event["variant"] == null && (OF_VARIANT.has(type) || joins),
    closesBatch: joins,
    isEnd: type === "run_status" && ENDS.has(String(event["status"])),
    ordinal
  };
  if (entry.kind === "step")
    entry.attempt = attemptOf(event, member(event, "step", "attempt"));
  return entry;
}
function passedAttempt(event) {
  const passed = event.type === "test_status" && event["status"] === "passed";
  return passed ? attemptOf(event, member(event, "data", "attempt")) : void 0;
}
function attemptOf(event, attempt) {
  return `${String(event["testId"])}
${String(attempt ?? 0)}`;
}
function member(event, outer, inner) {
  const object = event[outer];
  return typeof object === "object" && object !== null ? object[inner] : void 0;
}
function utf8Length(text4) {
  let bytes = text4.length;
  for (let at = 0; at < text4.length; at += 1) {
    const unit = text4.charCodeAt(at);
    if (unit > 127)
      bytes += unit > 2047 && (unit < 55296 || unit > 57343) ? 2 : 1;
  }
  return bytes;
}
var EventQueue = class {
  limit;
  /** Bytes of all that wait, and of what was taken and is not settled. */
  bytes = 0;
  /** Events that went because the queue was full, since they were last told. */
  dropped = 0;
  droppedInAll = 0;
  #events = [];
  #head = 0;
  #detailBytes = 0;
  #passed = /* @__PURE__ */ new Set();
  constructor(limit) {
    this.limit = limit;
  }
  get length() {
    return this.#events.length - this.#head;
  }
  /** The event that has waited longest. */
  get first() {
    return this.#events[this.#head];
  }
  /** Whether an event of so many bytes would be too much. */
  isFull(bytes, limit = this.limit) {
    return this.bytes + bytes + OVERHEAD > limit;
  }
  /** An event goes, because there is no room. */
  drop() {
    this.dropped += 1;
    this.droppedInAll += 1;
  }
  /** Adds an event, and lets detail go for it if the queue is full; false if even so it does not fit. */
  pushOver(event) {
    if (this.isFull(event.bytes)) {
      const target = this.limit - this.limit / 4;
      const rest = this.bytes - this.#detailBytes;
      if (event.kind !== "kept" && rest > target) {
        this.drop();
        return true;
      }
      if (this.#detailBytes > 0)
        this.#dropDetail(target - event.bytes);
    }
    return this.push(event);
  }
  /** Adds an event, up to twice the limit; false if it does not fit. */
  push(event) {
    if (this.isFull(event.bytes, 2 * this.limit))
      return false;
    this.#events.push(event);
    this.bytes += event.bytes + OVERHEAD;
    if (event.kind !== "kept")
      this.#detailBytes += event.bytes + OVERHEAD;
    return true;
  }
  /** The steps of this attempt go first. */
  passed(attempt) {
    this.#passed.add(attempt);
  }
  /** Takes events from the front, at least one if there is any; they count until they are settled. */
  take(maxEvents, maxBytes) {
    const taken = [];
    let bytes = 0;
    for (let event = this.first; event !== void 0 && taken.length < maxEvents; event = this.first) {
      bytes += event.bytes + 1;
      if (taken.length > 0 && bytes > maxBytes)
        break;
      taken.push(event);
      this.#head += 1;
      if (event.kind !== "kept")
        this.#detailBytes -= event.bytes + OVERHEAD;
      if (event.closesBatch)
        break;
    }
    if (this.#head === this.#events.length) {
      this.#events = [];
      this.#head = 0;
      this.#passed.clear();
    } else if (this.#head > 1024 && this.#head > this.#events.length / 2) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }
  /** An event that was taken is stored, or refused. */
  settle(event) {
    this.bytes -= event.bytes + OVERHEAD;
  }
  /** An event that was taken has another text. */
  resize(event, text4) {
    this.bytes -= event.bytes;
    event.text = text4;
    event.bytes = utf8Length(text4);
    this.bytes += event.bytes;
  }
  /** Lets detail go until `target` bytes are left: steps of passed tests, log, other steps; the oldest first. */
  #dropDetail(target) {
    const isPassed = (event) => event.attempt !== void 0 && this.#passed.has(event.attempt);
    const isKind = (kind) => (event) => event.kind === kind;
    const orders = [isPassed, isKind("log"), isKind("step")];
    let events = this.#events.slice(this.#head);
    for (const goes of orders) {
      if (this.bytes <= target)
        break;
      events = events.filter((event) => {
        if (this.bytes <= target || event.kind === "kept" || !goes(event))
          return true;
        this.bytes -= event.bytes + OVERHEAD;
        this.#detailBytes -= event.bytes + OVERHEAD;
        this.drop();
        return false;
      });
    }
    this.#events = events;
    this.#head = 0;
  }
};

// ../js/dist/publish-post.js
var TIMEOUT_MS6 = 3e4;
var ForeignAnswer = class extends Error {
  name = "ForeignAnswer";
};
async function postEvents(context, post) {
  const text4 = `${post.lines.join("\n")}
`;
  const headers = {
    "content-type": "application/x-ndjson",
    "runcast-producer": post.producer,
    "runcast-producer-seq": String(post.seq)
  };
  if (post.skips)
    headers["runcast-producer-gap"] = "accept";
  if (post.commandsAfter !== void 0)
    headers["runcast-commands-after"] = post.commandsAfter;
  let body = text4;
  if (text4.length >= post.gzipOver && typeof CompressionStream === "function") {
    body = await gzipped(text4);
    headers["content-encoding"] = "gzip";
  }
  const { path, signal } = post;
  const response = await send(context, { method: "POST", path, headers, body, signal, timeoutMs: TIMEOUT_MS6 });
  if (response.status < 200 || response.status > 299)
    throw await apiError(response);
  try {
    const answer = JSON.parse(new TextDecoder().decode(await response.bytes()));
    if (typeof answer.stored === "number" && typeof answer.duplicates === "number")
      return answer;
  } catch (error) {
    if (!(error instanceof SyntaxError))
      throw error;
  }
  throw new ForeignAnswer(`${context.baseUrls.current} answers, but not as runcast does: check the URL`);
}
async function gzipped(text4) {
  const stream = new Blob([text4]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
function remedy(error, lines) {
  const { status, code, members } = error;
  const index = typeof members["index"] === "number" && members["index"] < lines.length ? members["index"] : void 0;
  if (code === "run_sealed" || code === "run_gone")
    return { do: "end" };
  if (code === "run_full")
    return { do: "full" };
  if (code === "producer_gap" && typeof members["expected"] === "number") {
    return { do: "rewind", expected: members["expected"] };
  }
  if (code === "unsupported_encoding" || code === "invalid_encoding")
    return { do: "plain" };
  if (status === 413) {
    if (index !== void 0 || lines.length === 1)
      return { do: "shorten", index: index ?? 0 };
    const bodyBytes = lines.reduce((sum, line) => sum + utf8Length(line) + 1, 0);
    return { do: "split", by: code === "too_many_events" ? "events" : "bytes", bodyBytes };
  }
  if (status === 400 && index !== void 0)
    return { do: "refuse", index };
  return { do: "again" };
}

// ../js/dist/publish-sender.js
var AWAITED_PAUSE_MS = 1e3;
var Sender = class {
  context;
  runId;
  producer;
  options;
  outbox;
  port;
  state = "live";
  count = { stored: 0, duplicates: 0, refused: 0, shortened: 0, requests: 0, retries: 0 };
  /** The last failure, until a request succeeds. */
  lastError;
  hints;
  #closing = new AbortController();
  #backoff = new Backoff();
  #viewers = null;
  #gzipOver;
  #timer;
  #isPosting = false;
  #isUrgent = false;
  #isAway = false;
  /** Ends the pause between two attempts. */
  #pausing;
  constructor(context, runId, producer, options, outbox, port) {
    this.context = context;
    this.runId = runId;
    this.producer = producer;
    this.options = options;
    this.outbox = outbox;
    this.port = port;
    this.#gzipOver = options.gzipOver ?? 1024;
  }
  /** Aborts when the publisher is closed. */
  get signal() {
    return this.#closing.signal;
  }
  /** Nothing but time can help: the server refuses who sends, or it is none of runcast's. */
  get isHopeless() {
    const error = this.lastError;
    return error instanceof ForeignAnswer || error instanceof ApiError && error.status < 500 && !error.passing;
  }
  /** Posts when it is time to: soon, or at once. */
  schedule(isUrgent = false) {
    this.#isUrgent ||= isUrgent;
    if (this.#isPosting || this.state === "closed" || this.outbox.oldest === void 0)
      return;
    if (this.#isUrgent || this.port.isAwaited() || this.outbox.hasWholeBatch) {
      clearTimeout(this.#timer);
      this.#timer = void 0;
      this.#isPosting = true;
      queueMicrotask(() => void this.#post());
    } else {
      this.#timer ??= setQuietTimeout(() => {
        this.#timer = void 0;
        this.schedule(true);
      }, this.#flushMs());
    }
  }
  /** Tries again at once if it waits between two attempts. */
  hurry() {
    if (this.#pausing !== void 0 || !this.#isPosting)
      this.lastError = void 0;
    this.#pausing?.abort();
    this.schedule();
  }
  /** The server's hints have changed. */
  hinted(hints) {
    this.hints = hints;
    if (this.#timer === void 0)
      return;
    clearTimeout(this.#timer);
    this.#timer = void 0;
    this.schedule();
  }
  /** Posts no more; a request that is on its way is cut off. */
  close() {
    if (this.state !== "ended")
      this.state = "closed";
    clearTimeout(this.#timer);
    this.#closing.abort(new Error("the publisher is closed"));
    this.#pausing?.abort();
  }
  /** An event as it is posted. */
  line(event) {
    const variant = event.closesBatch ? this.options.variant : this.hints?.variant ?? this.options.variant;
    if (!event.takesVariant || variant === void 0)
      return event.text;
    return `${event.text.slice(0, -1)},"variant":${JSON.stringify(variant)}}`;
  }
  #flushMs() {
    const { flushMs = 250, idleFlushMs = 2e3 } = this.options;
    const own = this.#viewers === 0 ? idleFlushMs : flushMs;
    return Math.min(6e4, Math.max(10, this.hints?.flushMs ?? own));
  }
  /** Posts batches until it is time to wait. */
  async #post() {
    while (this.state === "live" || this.state === "full") {
      const batch = this.outbox.current();
      if (this.outbox.queue.length === 0)
        this.#isUrgent = false;
      if (batch === void 0)
        break;
      const pause = await this.#attempt(batch);
      this.port.settled();
      if (pause !== void 0) {
        this.#pausing = new AbortController();
        if (!this.#closing.signal.aborted)
          await quietSleep(pause, this.#pausing.signal);
        this.#pausing = void 0;
      } else if (!this.#isUrgent && !this.port.isAwaited() && !this.outbox.hasWholeBatch)
        break;
    }
    this.#isPosting = false;
    this.schedule();
  }
  /** Posts a batch once. Returns how many milliseconds to wait before the next attempt, if it did not get through. */
  async #attempt(batch) {
    const lines = batch.events.map((event) => this.line(event));
    this.count.requests += 1;
    try {
      const answer = await postEvents(this.context, {
        path: `${runPath(this.runId)}/events`,
        lines,
        producer: this.producer,
        seq: this.outbox.first(batch),
        skips: batch.skip > 0,
        commandsAfter: this.port.commandsAfter(),
        gzipOver: this.#gzipOver,
        signal: this.#closing.signal
      });
      this.count.stored += this.outbox.stored(batch, answer);
      this.count.duplicates += answer.duplicates;
      this.#viewers = answer.viewers ?? null;
      this.lastError = void 0;
      this.#isAway = false;
      this.#backoff.reset();
      this.port.answered(answer);
      return void 0;
    } catch (error) {
      return this.#failed(batch, lines, error);
    }
  }
  #failed(batch, lines, error) {
    const found = error instanceof ApiError ? remedy(error, lines) : { do: "again" };
    const detail = error instanceof ApiError ? `${error.code}: ${error.detail}` : error.message;
    switch (found.do) {
      case "refuse":
        this.count.refused += 1;
        this.port.refused(this.outbox.refuse(batch, found.index), error);
        return void 0;
      case "shorten": {
        const event = batch.events[found.index];
        if (this.outbox.shorten(batch, found.index, detail)) {
          this.count.shortened += 1;
          const message = `an event of type ${event?.type} was too large, and is posted shorter: ${detail}`;
          this.port.problem("event-shortened", message, error);
        } else {
          this.count.refused += 1;
          this.port.refused(this.outbox.refuse(batch, found.index), error);
        }
        return void 0;
      }
      case "split":
        this.outbox.split(batch, found.by, found.bodyBytes);
        return void 0;
      case "rewind":
        this.outbox.rewind(batch, found.expected);
        return this.#backoff.next();
      case "plain":
        if (this.#gzipOver === Infinity)
          break;
        this.#gzipOver = Infinity;
        return void 0;
      case "full":
        if (this.state === "full")
          this.#end(error);
        else
          this.#full(error);
        return void 0;
      case "end":
        this.#end(error);
        return void 0;
    }
    if (this.#closing.signal.aborted)
      return 0;
    this.outbox.isDoubtful(batch);
    this.count.retries += 1;
    if (!this.#isAway)
      this.port.problem("unreachable", `events wait: ${detail}`, error);
    this.#isAway = true;
    this.lastError = error;
    const atLeastMs = error instanceof ApiError ? error.retryAfterMs ?? 0 : 0;
    const pause = this.#backoff.next(atLeastMs);
    return this.port.isAwaited() ? Math.min(pause, atLeastMs + AWAITED_PAUSE_MS) : pause;
  }
  #full(error) {
    this.state = "full";
    this.count.refused += this.outbox.giveUpDetail();
    this.port.problem("ended", `the run is full, and takes nothing but its end: ${error.message}`, error);
  }
  #end(error) {
    this.state = "ended";
    this.lastError = error;
    this.count.refused += this.outbox.giveUp();
    this.port.problem("ended", `the run takes no more events: ${error.message}`, error);
    this.port.ended(error);
  }
};

// ../js/dist/spill-node.js
var import_node_fs3 = require("node:fs");
var appendText = (file, text4) => {
  (0, import_node_fs3.appendFileSync)(file, text4, { mode: 384 });
};
function lengthOf2(file) {
  return (0, import_node_fs3.statSync)(file, { throwIfNoEntry: false })?.size ?? 0;
}
function cutTo2(file, length) {
  try {
    if (length > 0)
      (0, import_node_fs3.truncateSync)(file, length);
    else
      (0, import_node_fs3.unlinkSync)(file);
  } catch {
  }
}

// ../js/dist/publish-spill.js
var CHUNK = 1024 * 1024;
function spill(file, header2, parts3, line) {
  if (appendText === void 0)
    return false;
  const length = lengthOf2(file);
  try {
    for (const text4 of chunks(header2, parts3, line))
      appendText(file, text4);
  } catch (error) {
    cutTo2(file, length);
    throw error;
  }
  return true;
}
function* chunks(header2, parts3, line) {
  let next;
  let text4 = "";
  for (const { first: first2, events } of parts3) {
    if (first2 !== next)
      text4 += `${JSON.stringify({ ...header2, seq: first2 })}
`;
    next = first2 + events.length;
    for (const event of events) {
      text4 += `${line(event)}
`;
      if (text4.length < CHUNK)
        continue;
      yield text4;
      text4 = "";
    }
  }
  if (text4 !== "")
    yield text4;
}

// ../js/dist/publish-types.js
var PublishProblem = class extends Error {
  kind;
  name = "PublishProblem";
  constructor(kind, message, options) {
    super(message, options);
    this.kind = kind;
  }
};
var QueueFullError = class extends Error {
  name = "QueueFullError";
};

// ../js/dist/publish.js
var URGENT = /* @__PURE__ */ new Set(["worker", "command_status", "ai_stuck", "run_status"]);
var MiB = 1024 * 1024;
var Publisher = class {
  /** The producer's id. */
  producer;
  #context;
  #runId;
  #options;
  #queue;
  #outbox;
  #sender;
  #commands;
  #asks;
  #frames;
  #leave;
  #emitted = 0;
  #refusedHere = 0;
  #spilled = 0;
  /** It was told that events are dropped, and the queue has not been empty since. */
  #isDropping = false;
  /** Checks of the flushes that wait. */
  #flushes = /* @__PURE__ */ new Set();
  /** Those who wait for room in the queue. */
  #blocked = /* @__PURE__ */ new Set();
  #closed;
  constructor(context, runId, options = {}) {
    this.producer = options.producer ?? uuid7();
    this.#context = context;
    this.#runId = runId;
    this.#options = options;
    this.#queue = new EventQueue(options.queueBytes ?? 16 * MiB);
    const limits = { events: options.maxBatchEvents ?? 500, bytes: options.maxBatchBytes ?? MiB / 4 };
    this.#outbox = new Outbox(this.#queue, limits);
    this.#commands = new Commands(context, runId, this.producer, {
      command: (command3) => this.#command(command3),
      hints: (hints) => this.#hinted(hints)
    });
    this.#frames = new Frames(context, runId, this.producer, (answer) => this.#commands.answered(answer));
    this.#sender = new Sender(context, runId, this.producer, options, this.#outbox, {
      isAwaited: () => this.#flushes.size > 0,
      commandsAfter: () => this.#commands.after,
      answered: (answer) => this.#answered(answer),
      settled: () => this.#settled(),
      refused: (event, error) => this.#refused(event, error),
      ended: (error) => this.#end(error),
      problem: (kind, message, cause) => this.#problem(kind, message, cause)
    });
    let sleep2;
    this.#asks = new Asks({
      emit: (event) => void this.emit(event),
      want: (wanted) => {
        sleep2?.();
        sleep2 = wanted ? keepAlive() : void 0;
        if (!this.#isOver)
          this.#commands.want(wanted || options.commands === true);
      },
      claim: (commandId) => this.claim(commandId),
      report: (commandId, status) => this.report(commandId, status)
    });
    if (options.commands === true)
      this.#commands.want(true);
    this.#leave = atExit({
      beforeExit: () => {
        if (this.#outbox.pending > 0)
          void this.#finish();
      },
      exit: () => this.#spill()
    });
  }
  /** What it has done so far. */
  get stats() {
    const { state, count, lastError } = this.#sender;
    return {
      state,
      ...count,
      emitted: this.#emitted,
      refused: count.refused + this.#refusedHere,
      spilled: this.#spilled,
      pending: this.#outbox.pending,
      pendingBytes: this.#queue.bytes,
      dropped: this.#queue.droppedInAll,
      framesSent: this.#frames.sent,
      framesDropped: this.#frames.dropped,
      ...lastError && { lastError }
    };
  }
  /** The server's last hints. */
  get hints() {
    return this.#sender.hints;
  }
  /**
   * Takes an event, to be posted soon. It never waits and never throws, but for `onFull: 'throw'`, where it throws a
   * `QueueFullError`. With `onFull: 'block'` it returns a promise while the queue is full: wait for it before the next
   * event. It is rejected with a `QueueFullError` if the event was dropped because nobody waited.
   */
  emit(event) {
    this.#emitted += 1;
    let entry;
    try {
      entry = queued(event, this.#emitted);
    } catch (error) {
      this.#refusedHere += 1;
      return this.#problem("event-refused", `an event can't be written as JSON: ${String(error)}`, error);
    }
    if (this.#isOver || this.#sender.state === "full" && !entry.isEnd) {
      this.#refusedHere += 1;
      return;
    }
    const passed = passedAttempt(event);
    if (passed !== void 0)
      this.#queue.passed(passed);
    const { onFull = "drop-detail" } = this.#options;
    if (onFull === "throw" && this.#queue.isFull(entry.bytes)) {
      throw new QueueFullError(`the queue is full: ${this.#queue.bytes} bytes of events wait for the server`);
    }
    const isTaken = onFull === "drop-detail" ? this.#queue.pushOver(entry) : this.#queue.push(entry);
    if (!isTaken)
      this.#queue.drop();
    if (this.#queue.dropped > 0 && !this.#isDropping) {
      this.#isDropping = true;
      this.#problem("events-dropped", `the queue is full: events are dropped`, this.#sender.lastError);
    }
    this.#sender.schedule(URGENT.has(entry.type));
    if (onFull !== "block" || isTaken && !this.#queue.isFull(0))
      return;
    if (isTaken)
      return new Promise((resolve3) => this.#blocked.add(resolve3));
    return rejected(new QueueFullError("the event was dropped: nobody waited for the full queue"));
  }
  /**
   * Posts what was emitted so far. Resolves when the server has it all or has refused it, or when that can't be done in
   * time, 15 s unless said otherwise.
   */
  async flush(options = {}) {
    const last = this.#emitted;
    const isDelivered = () => (this.#outbox.oldest ?? Infinity) > last;
    const sleep2 = keepAlive();
    let timer;
    let check = () => {
    };
    const wasClosed = this.#sender.state === "closed";
    let delivered = false;
    await new Promise((resolve3) => {
      check = () => {
        delivered ||= isDelivered() && (wasClosed || !this.#isOver);
        if (delivered || this.#isOver || this.#sender.isHopeless)
          resolve3();
      };
      timer = setTimeout(resolve3, options.timeoutMs ?? 15e3);
      this.#flushes.add(check);
      this.#sender.hurry();
      check();
    });
    clearTimeout(timer);
    this.#flushes.delete(check);
    sleep2();
    const { lastError: error } = this.#sender;
    return { delivered, pending: this.#outbox.pending, ...!delivered && error && { error } };
  }
  /**
   * Posts what is left, as far as that can be done in time, writes the rest to the spill file, and takes no more events.
   */
  close(options = {}) {
    this.#closed ??= this.#finish(options);
    return this.#closed;
  }
  /**
   * Ends at once: what is left goes to the spill file, and nothing is posted any more. For a process that is about to end
   * by a signal, which Node.js tells nobody of.
   */
  abandon() {
    this.#spill();
    this.#commands.want(false);
    this.#asks.end(new Error("the publisher is closed"));
    this.#frames.close();
    this.#leave();
    this.#settled();
  }
  [Symbol.asyncDispose]() {
    return this.close().then(() => {
    });
  }
  /** Claims an act, so that no other producer does it. Undefined: another one has it, or it is too late. */
  claim(commandId, signal) {
    return this.#commands.claim(commandId, signal ?? this.#sender.signal);
  }
  /** Says what became of a command. */
  report(commandId, status, details = {}) {
    const claim = details.claim ?? this.#commands.claims.get(commandId);
    if (status !== "accepted")
      this.#commands.claims.delete(commandId);
    void this.emit({ type: "command_status", commandId, status, ...details, ...claim !== void 0 && { claim } });
  }
  /**
   * Asks the viewers; resolves when somebody has answered, or when nobody did in time. The value of a `credential` is in
   * the answer, and nowhere else. Rejects when the run has ended, the publisher is closed, or the signal aborts.
   */
  ask(question, options = {}) {
    if (this.#isOver)
      return Promise.reject(new Error("the publisher has ended"));
    return this.#asks.ask(question.askId ?? uuid7(), question, options.signal);
  }
  /** Shows a frame of a stream, by convention `PRODUCER/SLOT`. The newest wins, and a failed one is not repeated. */
  frame(stream, bytes, info = {}) {
    this.#frames.show(stream, { ...info, bytes });
  }
  /**
   * Posts parts of a trace that grows, once; at most 4 MiB and 256 parts. Repeating them is safe. Rejects with an
   * `ApiError`: `live_trace_gap` has `expected`, the ends of the entries; `live_trace_full`; `live_trace_throttled`.
   */
  liveTrace(traceId, parts3, signal) {
    return callJson(this.#context, {
      method: "POST",
      path: `${runPath(this.#runId)}/live-traces/${encodeURIComponent(traceId)}`,
      headers: { "content-type": PARTS_TYPE, "runcast-producer": this.producer },
      body: partsBody(parts3),
      signal: signal ?? this.#sender.signal
    });
  }
  get #isOver() {
    return this.#sender.state === "ended" || this.#sender.state === "closed";
  }
  async #finish(options = {}) {
    const report = await this.flush({ timeoutMs: options.timeoutMs ?? this.#options.closeTimeoutMs ?? 15e3 });
    if (this.#closed === void 0 && report.delivered)
      return report;
    this.abandon();
    return report;
  }
  /** Writes what is left to the spill file; nothing is posted any more. */
  #spill() {
    this.#sender.close();
    const { pending } = this.#outbox;
    if (pending === 0)
      return;
    const { spillFile } = this.#options;
    let file;
    let cause = this.#sender.lastError;
    let isSpilled = false;
    try {
      file = typeof spillFile === "function" ? spillFile() : spillFile;
      const header2 = { runcast: "spill", runId: this.#runId, producer: this.producer };
      const line = (event) => this.#sender.line(event);
      isSpilled = file !== void 0 && spill(file, header2, this.#outbox.rest(), line);
    } catch (error) {
      cause = error;
    }
    this.#outbox.giveUp();
    if (!isSpilled)
      return this.#problem("lost", `${pending} events could not be posted`, cause);
    this.#spilled += pending;
    const command3 = `runcast publish ${this.#runId} ${file}`;
    const message = `${pending} events could not be posted and are in ${file}; post them with: ${command3}`;
    this.#problem("spilled", message, cause);
  }
  #answered(answer) {
    this.#commands.answered(answer);
    for (const id of answer.ignored ?? []) {
      this.#asks.refused(id, new Error(`the server did not open the question ${id}: its id was used before`));
    }
  }
  /** Something was stored, or has failed: who waits may go on. */
  #settled() {
    for (const check of [...this.#flushes])
      check();
    if (this.#queue.length === 0)
      this.#isDropping = false;
    if (this.#blocked.size === 0 || this.#queue.isFull(0) && !this.#isOver)
      return;
    for (const resolve3 of this.#blocked)
      resolve3();
    this.#blocked.clear();
  }
  #end(error) {
    this.#commands.want(false);
    this.#asks.end(error);
  }
  #command(command3) {
    this.#asks.event(command3.event);
    this.#callback(() => this.#options.onCommand?.(command3));
  }
  #hinted(hints) {
    this.#sender.hinted(hints);
    this.#callback(() => this.#options.onHints?.(hints));
  }
  #refused(event, error) {
    if (event?.type === "ai_stuck")
      this.#asks.refused(String(JSON.parse(event.text).askId), error);
    const detail = error instanceof ApiError ? `${error.code}: ${error.detail}` : error.message;
    this.#problem("event-refused", `an event of type ${event?.type} was refused: ${detail}`, error);
  }
  #problem(kind, message, cause) {
    try {
      this.#options.onError?.(new PublishProblem(kind, message, { cause }));
    } catch {
    }
  }
  /** Calls a function of the user's; what it throws is told. */
  #callback(call2) {
    const threw = (error) => this.#problem("callback", `a callback threw: ${String(error)}`, error);
    try {
      void Promise.resolve(call2()).catch(threw);
    } catch (error) {
      threw(error);
    }
  }
};
function rejected(error) {
  const promise = Promise.reject(error);
  promise.catch(() => {
  });
  return promise;
}

// ../js/dist/file-node.js
var import_node_crypto3 = require("node:crypto");
var import_node_fs4 = require("node:fs");
var import_node_path = require("node:path");
var openFile = async (path) => {
  const hash2 = (0, import_node_crypto3.createHash)("sha256");
  let size = 0;
  for await (const part of (0, import_node_fs4.createReadStream)(path)) {
    hash2.update(part);
    size += part.length;
  }
  return { size, name: (0, import_node_path.basename)(path), digest: hash2.digest("base64"), read: () => first(path, size) };
};
async function* first(path, size) {
  if (size > 0)
    yield* (0, import_node_fs4.createReadStream)(path, { end: size - 1, highWaterMark: 256 * 1024 });
}

// ../js/dist/upload.js
var TIMEOUT_MS7 = 6e4;
var PATIENCE_MS2 = 12e4;
var MAX_DIGESTED = 64 * 1024 * 1024;
async function upload(context, runId, file, options = {}) {
  const { signal, onProgress } = options;
  const content = await contentOf(file);
  const name = options.name ?? content.name;
  if (name === void 0 || name === "")
    throw new TypeError("`name` is missing: bytes have none of their own");
  const headers = { "idempotency-key": `"${uuid7()}"`, "content-length": String(content.size) };
  const type = options.contentType ?? content.type;
  if (type !== void 0)
    headers["content-type"] = type;
  if (options.kind !== void 0)
    headers["runcast-kind"] = options.kind;
  if (options.test !== void 0)
    headers["runcast-test"] = options.test;
  if (content.digest !== void 0)
    headers["content-digest"] = `sha-256=:${content.digest}:`;
  const backoff = new Backoff();
  let until = Date.now() + PATIENCE_MS2;
  let best = 0;
  let isRenewed = false;
  for (; ; ) {
    const progress = (sent) => {
      if (sent > best)
        until = Date.now() + PATIENCE_MS2;
      best = Math.max(best, sent);
      onProgress?.(sent, content.size);
    };
    const body = onProgress === void 0 ? content.read() : counted(content.read(), progress);
    try {
      return await callJson(context, {
        method: "PUT",
        path: `${runPath(runId)}/artifacts/${encodeURIComponent(name)}`,
        headers,
        body,
        timeoutMs: TIMEOUT_MS7,
        ...signal && { signal }
      });
    } catch (error) {
      const isRefusal = error instanceof ApiError;
      if (isRefusal && error.status === 401 && isStream(body) && !isRenewed && context.refuse?.(void 0) === true) {
        isRenewed = true;
        continue;
      }
      if (signal?.aborted === true || isRefusal && isFinal(error) || isFileError(error))
        throw error;
      const pause = backoff.next(isRefusal ? error.retryAfterMs ?? 0 : 0);
      if (Date.now() + pause > until)
        throw error;
      await sleep(pause, signal);
    }
  }
}
async function contentOf(file) {
  if (typeof file === "string") {
    if (openFile === void 0)
      throw new TypeError("a path can be uploaded in Node.js alone: give a Blob or bytes");
    return { ...await openFile(file), type: void 0 };
  }
  const blob = file instanceof Blob ? file : new Blob([file]);
  const name = "name" in blob && typeof blob.name === "string" ? blob.name : void 0;
  return { name, size: blob.size, type: blob.type || void 0, digest: await digestOf(blob), read: () => blob };
}
async function digestOf(blob) {
  const subtle = globalThis.crypto.subtle;
  if (subtle === void 0 || blob.size > MAX_DIGESTED)
    return void 0;
  const digest = new Uint8Array(await subtle.digest("SHA-256", await blob.arrayBuffer()));
  return btoa(String.fromCharCode(...digest));
}
async function* counted(from, progress) {
  let sent = 0;
  for await (const part of from instanceof Blob ? slices(from) : from) {
    yield part;
    sent += part.byteLength;
    progress(sent);
  }
}
async function* slices(blob) {
  for (let at = 0; at < blob.size; at += 256 * 1024) {
    yield new Uint8Array(await blob.slice(at, at + 256 * 1024).arrayBuffer());
  }
}
function isFinal(error) {
  return !error.passing || error.code === "too_many_artifacts";
}
function isFileError(error) {
  return error instanceof Error && "syscall" in error && "path" in error;
}

// ../js/dist/event-queue.js
var EventQueue2 = class {
  #entries = [];
  #head = 0;
  #bytes = 0;
  get bytes() {
    return this.#bytes;
  }
  get length() {
    return this.#entries.length - this.#head;
  }
  push(value, bytes, seq, cursor) {
    this.#entries.push({ value, bytes, seq, cursor });
    this.#bytes += bytes;
  }
  shift() {
    const entry = this.#entries[this.#head];
    if (entry === void 0)
      return void 0;
    this.#entries[this.#head] = void 0;
    this.#head += 1;
    this.#bytes -= entry.bytes;
    if (this.#head === this.#entries.length || this.#head > 4096) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
    return entry;
  }
  /** Takes back all entries from a seq on. */
  dropFrom(seq) {
    while (this.length > 0) {
      const last = this.#entries[this.#entries.length - 1];
      if (last === void 0 || last.seq < seq)
        return;
      this.#entries.pop();
      this.#bytes -= last.bytes;
    }
  }
  clear() {
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
  }
};

// ../js/dist/poll-link.js
var WAIT_SECS2 = 25;
var LIMIT = 5e3;
var PollLink = class {
  context;
  runId;
  position;
  events;
  kind = "polling";
  canPause = true;
  base;
  #stop = new AbortController();
  #paused;
  #resume;
  constructor(context, runId, position, events) {
    this.context = context;
    this.runId = runId;
    this.position = position;
    this.events = events;
    this.base = context.baseUrls.current;
    void this.#loop();
  }
  pause() {
    this.#paused ??= new Promise((resolve3) => this.#resume = resolve3);
  }
  resume() {
    this.#resume?.();
    this.#paused = void 0;
    this.#resume = void 0;
  }
  send() {
  }
  probe() {
  }
  close() {
    this.#stop.abort();
    this.resume();
  }
  async #loop() {
    const { signal } = this.#stop;
    let wait = 0;
    try {
      while (!signal.aborted) {
        const query = new URLSearchParams({ after: this.position.after, limit: String(LIMIT), wait: String(wait) });
        const path = `${runPath(this.runId)}/events?${query}`;
        const answer = await call(this.context, { method: "GET", path, signal, timeoutMs: 6e4 });
        const bytes = await answer.bytes();
        if (signal.aborted)
          return;
        const page = JSON.parse(new TextDecoder().decode(bytes));
        this.#tell(page, this.position.after, bytes.length);
        if (signal.aborted)
          return;
        if (page.tip > 0 && page.firstAvailable > page.tip) {
          return this.events.ended(this, { closeCode: 4410, reason: "the run is gone" });
        }
        wait = page.more ? 0 : WAIT_SECS2;
        await this.#paused;
      }
    } catch (error) {
      if (signal.aborted)
        return;
      const failure = error;
      const atLeastMs = failure instanceof ApiError ? failure.retryAfterMs : void 0;
      this.events.ended(this, atLeastMs === void 0 ? { failure } : { failure, atLeastMs });
    }
  }
  /** Tells a page in the messages that a WebSocket would bring. */
  #tell(page, after, bytes) {
    const { epoch, events, cursor, tip, gap, reset } = page;
    const at = (seq) => epoch === null ? String(seq) : `${epoch}:${seq}`;
    const first2 = events[0]?.seq;
    const stood = reset !== null ? after : gap !== null ? at(gap.from - 1) : first2 === void 0 ? cursor : at(first2 - 1);
    const from = first2 ?? tip + 1;
    this.events.connected(this, {
      type: "connected",
      runId: this.runId,
      sessionId: "",
      nodeId: "",
      epoch,
      from,
      tip,
      cursor: stood,
      heartbeatSecs: WAIT_SECS2
    });
    if (reset !== null)
      this.events.moved(this, { type: "reset", epoch, from: reset.from, cursor: at(reset.from - 1) });
    if (gap !== null)
      this.events.moved(this, { type: "gap", ...gap, reason: "expired", cursor: at(gap.to) });
    const each = Math.ceil(bytes / Math.max(1, events.length));
    for (const event of events) {
      if (this.#stop.signal.aborted)
        return;
      this.events.event(this, event, each);
    }
  }
};

// ../js/dist/position.js
var Position = class {
  #asked;
  /** Unknown until the first connection, unless the watch began at a cursor. */
  #place;
  /** Of the current connection. It may be behind `#place` after a change of connections. */
  #link = { epoch: null, seq: 0 };
  #tip = 0;
  /** The epoch in which `#tip` was told. */
  #tipEpoch = null;
  /** `after`: where the watch begins, as in the query. */
  constructor(after) {
    this.#asked = after;
    if (/^(\d+:)?\d+$/.test(after))
      this.#place = parsed2(after);
  }
  /** What to pass as `after` to go on. */
  get after() {
    return this.cursor ?? this.#asked;
  }
  get cursor() {
    return this.#place === void 0 ? void 0 : written(this.#place);
  }
  get seq() {
    return this.#place?.seq;
  }
  /** Seq of the run's last event, as far as it is known. */
  get tip() {
    return this.#tip;
  }
  /** A connection has begun, and is the one whose messages are told from now on. */
  connected(message) {
    const theirs = parsed2(message.cursor);
    this.#link = { ...theirs };
    this.#tip = message.tip;
    this.#tipEpoch = message.epoch;
    return this.#adopt(theirs);
  }
  epoch(message) {
    const theirs = parsed2(message.cursor);
    this.#link = { ...theirs };
    return this.#adopt(theirs);
  }
  event(seq) {
    const place2 = this.#place;
    if (place2 === void 0 || seq !== this.#link.seq + 1 || this.#link.epoch !== place2.epoch)
      return "resync";
    this.#link.seq = seq;
    this.#tip = Math.max(this.#tip, seq);
    if (seq <= place2.seq)
      return "known";
    if (seq > place2.seq + 1)
      return "resync";
    place2.seq = seq;
    return "new";
  }
  gap(message) {
    const theirs = parsed2(message.cursor);
    this.#link = { ...theirs };
    this.#tip = Math.max(this.#tip, message.to);
    if (this.#place !== void 0 && this.#place.seq >= message.to) {
      return theirs.epoch === this.#place.epoch ? "known" : "resync";
    }
    this.#place = { epoch: theirs.epoch, seq: theirs.seq };
    return "new";
  }
  reset(message) {
    const theirs = parsed2(message.cursor);
    if (this.#place?.seq !== this.#link.seq || this.#place.epoch !== this.#link.epoch)
      return "resync";
    this.#link = { ...theirs };
    if (message.epoch !== this.#tipEpoch)
      this.#tip = theirs.seq;
    this.#tipEpoch = message.epoch;
    this.#place = { ...theirs };
    return "new";
  }
  #adopt(theirs) {
    const mine = this.#place;
    if (mine === void 0 || mine.seq === theirs.seq) {
      this.#place = { ...theirs };
      return "new";
    }
    return theirs.seq < mine.seq && theirs.epoch === mine.epoch ? "known" : "resync";
  }
};
function parsed2(cursor) {
  const at = cursor.indexOf(":");
  return { epoch: at < 0 ? null : cursor.slice(0, at), seq: Number(cursor.slice(at + 1)) };
}
function written({ epoch, seq }) {
  return epoch === null ? String(seq) : `${epoch}:${seq}`;
}

// ../js/dist/reachable.js
var TIMEOUT_MS8 = 1e4;
async function isReachable(context, base, path, token) {
  const headers = { "runcast-client": context.clientName };
  if (token !== void 0)
    headers["authorization"] = `Bearer ${token}`;
  try {
    const answer = await context.transport.send({ method: "GET", url: base + path, headers, timeoutMs: TIMEOUT_MS8 });
    await answer.bytes();
    return answer.status < 500;
  } catch {
    return false;
  }
}

// ../js/dist/screen-frame.js
function parseScreenFrame(data) {
  if (data.length < 2)
    return void 0;
  const end = 2 + (data[0] << 8 | data[1]);
  if (end > data.length)
    return void 0;
  try {
    const header2 = JSON.parse(new TextDecoder().decode(data.subarray(2, end)));
    if (header2.type !== "frame")
      return void 0;
    return {
      stream: header2.stream ?? "main",
      contentType: header2.contentType ?? "application/octet-stream",
      width: header2.width ?? null,
      height: header2.height ?? null,
      testId: header2.testId ?? null,
      timestamp: header2.timestamp ?? "",
      bytes: data.subarray(end)
    };
  } catch {
    return void 0;
  }
}

// ../js/dist/socket-link.js
var CONNECTED_MS = 2e4;
var DEAD_AFTER = 2.5;
var SocketLink = class {
  base;
  kind = "websocket";
  #socket;
  #events;
  #connected = false;
  #over = false;
  #paused = false;
  #heartbeatMs = 0;
  #heardAt = Date.now();
  #checkedAt = Date.now();
  /** When an unanswered `ping` was sent. */
  #askedAt;
  #serverPings = false;
  #timer;
  #atLeastMs;
  constructor(open3, options, base, events) {
    this.base = base;
    this.#events = events;
    this.#timer = setTimeout(() => this.#dead("the server does not greet"), CONNECTED_MS);
    this.#socket = open3(options, {
      text: (data) => this.#text(data),
      binary: (data) => {
        this.#heard();
        const frame = parseScreenFrame(data);
        if (frame !== void 0 && this.#connected)
          this.#events.frame(this, frame);
      },
      pinged: () => {
        this.#serverPings = true;
        this.#heard();
      },
      closed: (code, reason2, failure) => {
        const end = failure === void 0 ? { closeCode: code, reason: reason2 } : { failure };
        const atLeastMs = this.#atLeastMs ?? (failure instanceof ApiError ? failure.retryAfterMs : void 0);
        this.#end(atLeastMs === void 0 ? end : { ...end, atLeastMs });
      }
    });
  }
  get canPause() {
    return this.#socket.canPause;
  }
  pause() {
    this.#paused = true;
    this.#socket.pause();
  }
  resume() {
    this.#paused = false;
    this.#heard();
    this.#socket.resume();
  }
  send(message) {
    if (!this.#over)
      this.#socket.send(JSON.stringify(message));
  }
  probe() {
    if (!this.#connected || this.#over || this.#paused)
      return;
    this.#askedAt ??= Date.now();
    this.send({ type: "ping" });
  }
  close() {
    if (this.#over)
      return;
    this.#over = true;
    clearInterval(this.#timer);
    this.#socket.close();
  }
  #text(data) {
    if (this.#over)
      return;
    this.#heard();
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return this.#dead("the server sent something that is no message");
    }
    if ("seq" in message) {
      if (this.#connected)
        this.#events.event(this, message, data.length);
      return;
    }
    const told2 = message;
    switch (told2.type) {
      case "connected":
        this.#connected = true;
        this.#heartbeatMs = Math.max(1, told2.heartbeatSecs) * 1e3;
        clearTimeout(this.#timer);
        this.#checkedAt = Date.now();
        this.#timer = setInterval(() => this.#check(), this.#heartbeatMs / 2);
        return this.#events.connected(this, told2);
      case "gap":
      case "reset":
      case "epoch":
        return this.#connected ? this.#events.moved(this, told2) : void 0;
      case "draining":
        return this.#events.draining(this, told2.reconnectAfterMs ?? 0);
      case "expiring":
        return this.#events.expiring(this, told2.inSecs * 1e3, told2.reconnectAfterMs ?? 0);
      case "error":
        this.#atLeastMs = told2.reconnectAfterMs ?? this.#atLeastMs;
    }
  }
  #heard() {
    this.#heardAt = Date.now();
    this.#askedAt = void 0;
  }
  /**
   * Where the server's pings can't be seen, a message asks for an answer. A check that comes late was held up with the
   * whole process, by sleep or in a hidden tab: what has arrived meanwhile is looked at first.
   */
  #check() {
    const now = Date.now();
    const late = now - this.#checkedAt > this.#heartbeatMs;
    this.#checkedAt = now;
    if (this.#paused)
      return;
    if (late) {
      this.#heard();
      return this.probe();
    }
    const silent = now - this.#heardAt;
    if (this.#askedAt !== void 0 && now - this.#askedAt >= this.#heartbeatMs && silent >= this.#heartbeatMs * DEAD_AFTER) {
      return this.#dead(`no sign of life for ${Math.round(silent / 1e3)} s`);
    }
    if (silent >= this.#heartbeatMs * (this.#serverPings ? 1.5 : 1) && this.#askedAt === void 0)
      this.probe();
  }
  #dead(message) {
    if (this.#over)
      return;
    this.#socket.close();
    this.#end({ failure: new TransportError("timeout", message) });
  }
  #end(end) {
    if (this.#over)
      return;
    this.#over = true;
    clearInterval(this.#timer);
    this.#events.ended(this, end);
  }
};

// ../js/dist/wake.js
function onWake(callback) {
  const scope = globalThis;
  const page = globalThis.document;
  const over = new AbortController();
  const options = { signal: over.signal };
  scope.addEventListener?.("online", callback, options);
  page?.addEventListener("visibilitychange", () => page.visibilityState === "visible" && callback(), options);
  page?.addEventListener("resume", callback, options);
  return () => over.abort();
}

// ../js/dist/follower.js
var STEADY_MS = 3e4;
var BRIEF_MS = 1e3;
var SAME_END_MS = 2e3;
var REFUSED_UPGRADES = 2;
var RETRY_UPGRADE_MS = [1e3, 6e4];
var Follower = class {
  context;
  runId;
  screen;
  sink;
  position;
  #backoff = new Backoff();
  /** Whose messages are told. */
  #link;
  /** Opened while `#link` still stands, or while there is none. */
  #next;
  /** Since when `#link` stands; undefined until it is connected. */
  #since;
  /** When the rights end of which the server has warned. */
  #expires;
  /** Opens the next link. */
  #timer;
  #refusedUpgrades = 0;
  /** How often a WebSocket was tried again while pages were asked for. */
  #retriedUpgrades = 0;
  /** Nothing is read, because the sink is full. */
  #parked = false;
  #over = false;
  #sealAsked = false;
  /** The tokens that WebSockets were opened with. */
  #tokens = /* @__PURE__ */ new WeakMap();
  /** The token for the next WebSocket is being fetched. */
  #isFetching = false;
  /** Another token was asked for since a connection stood. */
  #isRenewed = false;
  /** The screens that the last WebSocket was opened with. */
  #screens = "";
  #forget;
  /** `screen`: the query of the WebSocket that says which screens are wanted. It is asked for at each connection. */
  constructor(context, runId, after, screen, sink) {
    this.context = context;
    this.runId = runId;
    this.screen = screen;
    this.sink = sink;
    this.position = new Position(after);
    this.#forget = onWake(() => this.wake());
    void this.#open();
  }
  /** Ends without a word. */
  close() {
    if (this.#over)
      return;
    this.#over = true;
    this.#forget();
    clearTimeout(this.#timer);
    this.#link?.close();
    this.#next?.close();
  }
  /** The sink can take more again. */
  drained() {
    if (!this.#parked || this.#over)
      return;
    this.#parked = false;
    if (this.#link !== void 0)
      this.#link.resume();
    else if (this.#next === void 0 && this.#timer === void 0)
      void this.#open();
  }
  /** Other screens are wanted: tells the server, unless there is no WebSocket. The next one asks for them. */
  look() {
    const { screen: of, ...numbers } = this.screen();
    const asNumbers = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)]));
    this.#link?.send({ type: "screen", of, ...asNumbers });
  }
  connected(link, message) {
    if (link === this.#next) {
      const before = this.#link;
      this.#link = link;
      this.#next = void 0;
      before?.close();
      this.#since = Date.now();
      this.#isRenewed = false;
      if (link.kind === "websocket") {
        this.#refusedUpgrades = 0;
        this.#retriedUpgrades = 0;
      } else {
        this.#later(RETRY_UPGRADE_MS[Math.min(this.#retriedUpgrades, 1)]);
        this.#retriedUpgrades += 1;
      }
      if (this.#parked)
        this.#pause();
    }
    if (link !== this.#link || !this.#accept(this.position.connected(message)))
      return;
    if (link.kind === "websocket" && JSON.stringify(this.screen()) !== this.#screens)
      this.look();
    this.sink.connected(message);
    this.#tellStatus();
    if (message.from > message.tip && message.tip > 0)
      void this.#askWhetherSealed(message.tip);
  }
  event(link, event, bytes) {
    if (link !== this.#link)
      return;
    const verdict = this.position.event(event.seq);
    if (!this.#accept(verdict) || verdict === "known")
      return;
    this.sink.event(event, bytes, this.position.cursor);
    if (event.type === "sealed")
      return this.#end();
    if (event.seq === this.position.tip)
      this.#tellStatus();
    if (!this.#parked && this.sink.full())
      this.#pause();
  }
  moved(link, message) {
    if (link !== this.#link)
      return;
    if (message.type === "epoch")
      return void this.#accept(this.position.epoch(message));
    const before = this.position.seq;
    const verdict = message.type === "gap" ? this.position.gap(message) : this.position.reset(message);
    if (!this.#accept(verdict) || verdict === "known")
      return;
    if (message.type === "reset")
      this.sink.reset(message);
    else
      this.sink.gap({ ...message, from: Math.max(message.from, (before ?? 0) + 1) });
    this.#tellStatus();
  }
  frame(link, frame) {
    if (link === this.#link)
      this.sink.frame(frame);
  }
  draining(link, afterMs) {
    if (link !== this.#link)
      return;
    this.context.baseUrls.leave(link.base);
    this.#later(this.#began() ? this.#backoff.next(afterMs) : afterMs);
  }
  /** Whether the link stands only now. */
  #began() {
    return this.#since === void 0 || Date.now() - this.#since < BRIEF_MS;
  }
  expiring(link, leftMs, afterMs) {
    if (link !== this.#link || this.#next !== void 0 || this.#isFetching)
      return;
    const ends = Date.now() + leftMs;
    if (this.#expires !== void 0 && ends <= this.#expires + SAME_END_MS)
      return;
    this.#expires = ends;
    this.context.renew?.();
    if (this.#timer === void 0)
      this.#later(this.#began() ? this.#backoff.next(afterMs) : afterMs);
  }
  ended(link, end) {
    if (this.#over)
      return;
    if (link === this.#next && this.#link?.kind !== "polling") {
      if (link.kind === "polling")
        this.#refusedUpgrades = 0;
      else if (isUpgradeRefused(end))
        this.#refusedUpgrades = REFUSED_UPGRADES;
      else if (isUpgradeBroken(end))
        void this.#countBroken(link);
    }
    if (link === this.#next) {
      this.#next = void 0;
      this.context.baseUrls.leave(link.base);
      if (this.#link !== void 0) {
        this.#renews(link, end);
        return this.#later(this.#pauseBefore(end));
      }
    } else if (link === this.#link) {
      this.#link = void 0;
      if (this.#since !== void 0 && Date.now() - this.#since >= STEADY_MS)
        this.#backoff.reset();
      this.#since = void 0;
      this.#isRenewed = false;
      if (this.#next !== void 0 || this.#isFetching)
        return this.sink.status("reconnecting", why(end));
    } else {
      return;
    }
    if (end.closeCode === 1e3)
      return this.#end();
    const final = this.#renews(link, end) ? void 0 : finalError(link, end);
    if (final !== void 0)
      return this.#end(final);
    this.#retry(end);
  }
  /** A server that was killed breaks the handshake too: it counts if another request gets through at the same time. */
  async #countBroken(link) {
    const path = `${runPath(this.runId)}/events?after=latest&limit=1`;
    const isThere = await isReachable(this.context, link.base, path, this.#tokens.get(link));
    if (isThere && this.#link === void 0)
      this.#refusedUpgrades += 1;
  }
  /** There is no link: the next one is opened after a pause. */
  #retry(end) {
    const pauseMs = this.#pauseBefore(end);
    this.sink.status("reconnecting", { ...why(end), retryInMs: Math.round(pauseMs) });
    if (!this.#parked)
      this.#later(pauseMs);
  }
  /** Whether the token was refused, or has ended, and another one can be tried: once, until a connection stands. */
  #renews(link, { closeCode, failure }) {
    const isRefused = closeCode === 4401 || failure instanceof ApiError && failure.status === 401 && isOurs(failure);
    if (!isRefused || this.#isRenewed || this.context.refuse?.(this.#tokens.get(link)) !== true)
      return false;
    this.#isRenewed = true;
    return true;
  }
  #pauseBefore(end) {
    if (this.#link?.kind === "polling") {
      const pauseMs = RETRY_UPGRADE_MS[Math.min(this.#retriedUpgrades, 1)];
      this.#retriedUpgrades += 1;
      return pauseMs;
    }
    return this.#backoff.next(end.atLeastMs);
  }
  #later(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#open(), ms);
  }
  async #open() {
    clearTimeout(this.#timer);
    this.#timer = void 0;
    if (this.#over || this.#next !== void 0 || this.#isFetching)
      return;
    const polls = this.#refusedUpgrades >= REFUSED_UPGRADES && this.#link === void 0;
    if (polls) {
      this.#next = new PollLink(this.context, this.runId, this.position, this);
      return;
    }
    const base = this.context.baseUrls.current;
    let token;
    this.#isFetching = true;
    try {
      token = await this.context.token();
    } catch (error) {
      return this.#noToken(error);
    } finally {
      this.#isFetching = false;
    }
    if (this.#over)
      return;
    const headers = token === void 0 ? {} : { authorization: `Bearer ${token}` };
    const screens = this.screen();
    this.#screens = JSON.stringify(screens);
    const query = new URLSearchParams({
      ...this.position.after === "" ? {} : { after: this.position.after },
      // Who gives commands: an open socket of theirs is a sign of life for their lease.
      ...this.context.user === void 0 ? {} : { userId: this.context.user },
      ...this.context.clientId === void 0 ? {} : { clientId: this.context.clientId },
      ...screens
    });
    const url = `${base.replace(/^http/, "ws")}/ws/runs/${encodeURIComponent(this.runId)}?${query}`;
    try {
      this.#next = new SocketLink(this.context.openSocket, { url, headers }, base, this);
      this.#tokens.set(this.#next, token);
    } catch (error) {
      this.#refusedUpgrades = REFUSED_UPGRADES;
      const pauseMs = this.#backoff.next();
      this.sink.status("reconnecting", { error, retryInMs: Math.round(pauseMs) });
      this.#later(pauseMs);
    }
  }
  /** There is no token for the next link. A link that stands goes on, and what may pass is tried again. */
  #noToken(failure) {
    if (this.#over)
      return;
    const end = failure instanceof ApiError ? { failure, atLeastMs: failure.retryAfterMs ?? 0 } : { failure };
    if (this.#link !== void 0)
      return this.#later(this.#pauseBefore(end));
    if (failure instanceof ApiError && !failure.passing)
      return this.#end(failure);
    this.#retry(end);
  }
  /** The sink is full: the link waits, or is opened again later where it can't. */
  #pause() {
    this.#parked = true;
    if (this.#link === void 0)
      return;
    if (this.#link.canPause)
      return this.#link.pause();
    this.#link.close();
    this.#link = void 0;
    this.#since = void 0;
  }
  /** Whether the link may go on. If its place can't be reconciled with ours, it is opened again with our cursor. */
  #accept(verdict) {
    if (verdict !== "resync")
      return true;
    this.#link?.close();
    this.#link = void 0;
    this.#since = void 0;
    const pauseMs = this.#backoff.next();
    this.sink.status("reconnecting", { retryInMs: Math.round(pauseMs) });
    if (this.#next === void 0)
      this.#later(pauseMs);
    return false;
  }
  #tellStatus() {
    if (this.#link?.kind === "polling")
      return this.sink.status("polling", {});
    const { seq = 0, tip } = this.position;
    this.sink.status(seq >= tip ? "live" : "catching-up", {});
  }
  /** The network is back, or the page is seen again: what is waited for is tried now. */
  wake() {
    if (this.#over)
      return;
    if (this.#link !== void 0)
      return this.#link.probe();
    if (this.#next === void 0 && this.#timer !== void 0)
      void this.#open();
  }
  /** A watch that begins behind the end of a sealed run gets no event that says so. */
  async #askWhetherSealed(tip) {
    if (this.#sealAsked)
      return;
    this.#sealAsked = true;
    const path = `${runPath(this.runId)}/events?after=${tip - 1}&limit=1`;
    try {
      const page = await callJson(this.context, { method: "GET", path });
      if (!this.#over && page.events[0]?.type === "sealed" && this.position.seq === page.events[0].seq)
        this.#end();
    } catch {
      this.#sealAsked = false;
    }
  }
  #end(error) {
    if (this.#over)
      return;
    this.close();
    this.sink.ended(error);
  }
};
function why({ failure, closeCode, reason: reason2 }) {
  if (failure !== void 0)
    return { error: failure };
  const error = new Error(`the connection was closed: ${closeCode} ${reason2 ?? ""}`.trim());
  return closeCode === void 0 ? { error } : { error, closeCode };
}
function finalError({ kind }, { closeCode, reason: reason2, failure }) {
  if (failure instanceof ApiError) {
    const { status } = failure;
    const meant = { 401: 4401, 403: 4403, 410: 4410 }[status];
    const known2 = CLOSE_CODES.find(({ code }) => code === meant);
    if (failure.passing || kind === "websocket" && !isOurs(failure))
      return void 0;
    return known2 === void 0 ? failure : new ClosedError(known2.code, known2.reason, failure.detail);
  }
  const known = CLOSE_CODES.filter(({ code }) => code === closeCode);
  if (closeCode === void 0 || known.length === 0 || !known.every(({ reconnect }) => reconnect === "never"))
    return void 0;
  return new ClosedError(closeCode, known[0].reason, reason2 || "the server closed the watch");
}
function isUpgradeRefused({ failure }) {
  return failure instanceof ApiError && !isOurs(failure) && failure.status < 500;
}
function isUpgradeBroken({ failure }) {
  if (failure === void 0 || failure instanceof ApiError)
    return false;
  return !(failure instanceof TransportError && (failure.failure === "refused" || failure.failure === "dns"));
}
function isOurs({ code }) {
  return !code.startsWith("http_");
}

// ../js/dist/watch.js
var HELD_BYTES = 4 * 1024 * 1024 - 512 * 1024;
var Watch = class extends EventTarget {
  #options;
  #types;
  #start;
  #listened = /* @__PURE__ */ new Set();
  #queue = new EventQueue2();
  #screen;
  #follower;
  #iterated = false;
  #status = "connecting";
  #cursor;
  #seq = 0;
  #error;
  /** Those that wait for an event, or the end. */
  #waiting = [];
  /** Made by `run.watch()`. */
  constructor(context, runId, options = {}) {
    super();
    this.#options = options;
    this.#types = options.types === void 0 ? void 0 : new Set(options.types);
    this.#screen = options;
    screenQuery(options);
    const after = String(options.after ?? "");
    this.#cursor = after;
    this.#start = (sink, screen) => new Follower(context, runId, after, screen, sink);
    if (options.signal?.aborted === true)
      this.close();
    else
      options.signal?.addEventListener("abort", this.#aborted, { once: true });
  }
  /** Behind the last event that was handed out: pass it as `after` to go on, in another process for instance. */
  get cursor() {
    return this.#cursor;
  }
  get status() {
    return this.#status;
  }
  /** Events of the run that have not been handed out yet. */
  get behind() {
    return Math.max(0, (this.#follower?.position.tip ?? 0) - this.#seq);
  }
  /** Why the watch was closed for good. */
  get error() {
    return this.#error;
  }
  /** Chooses other screens from now on. */
  look(screen) {
    screenQuery(screen);
    this.#screen = screen;
    this.#follower?.look();
  }
  /** Tries to connect now, if it waits for that; asks an open connection whether it is alive. */
  retry() {
    this.#follower?.wake();
  }
  /** Ends the watch. Iterators end, without what they had not been handed out yet. */
  close() {
    this.#options.signal?.removeEventListener("abort", this.#aborted);
    this.#follower?.close();
    this.#queue.clear();
    this.#finish();
  }
  [Symbol.dispose]() {
    this.close();
  }
  /** The iterator; there is one only. Leaving it, by `break` for instance, closes the watch. */
  [Symbol.asyncIterator]() {
    this.#iterated = true;
    this.#begin();
    return {
      next: () => this.#next(),
      return: () => {
        this.close();
        return Promise.resolve({ done: true, value: void 0 });
      }
    };
  }
  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
    this.#listened.add(type);
    this.#begin();
  }
  removeEventListener(type, listener, options) {
    super.removeEventListener(type, listener, options);
  }
  #aborted = () => this.close();
  /** Connects, in the next turn: iterators and listeners that are made in this one miss nothing. */
  #begin() {
    if (this.#follower !== void 0 || this.#status === "closed")
      return;
    this.#follower = this.#start({
      event: (event, bytes, cursor) => this.#take(event, bytes, cursor),
      gap: (message) => this.#gap(message),
      reset: (message) => this.#reset(message),
      frame: (frame) => this.#tell("frame", frame),
      connected: ({ timestamp, tip, epoch, nodeId }) => this.#tell("connected", { tip, epoch, nodeId, ...timestamp !== void 0 && { timestamp } }),
      status: (status, why2) => {
        if (status === this.#status && why2.retryInMs === void 0)
          return;
        this.#status = status;
        this.#tell("status", { status, ...why2 });
      },
      ended: (error) => {
        this.#options.signal?.removeEventListener("abort", this.#aborted);
        this.#error = error;
        this.#finish();
      },
      full: () => this.#iterated && this.#queue.bytes >= HELD_BYTES
    }, () => screenQuery(this.#screen));
  }
  async #next() {
    for (; ; ) {
      const entry = this.#queue.shift();
      if (entry !== void 0) {
        this.#cursor = entry.cursor;
        this.#seq = entry.seq;
        if (this.#queue.bytes < HELD_BYTES / 2)
          this.#follower?.drained();
        return { done: false, value: entry.value };
      }
      this.#follower?.drained();
      this.#passed();
      if (this.#status === "closed") {
        const error = this.#error;
        if (error === void 0)
          return { done: true, value: void 0 };
        this.#error = void 0;
        throw error;
      }
      await new Promise((resolve3) => this.#waiting.push(resolve3));
    }
  }
  #take(event, bytes, cursor) {
    if (!this.#wants(event))
      return this.#passed();
    if (!this.#iterated)
      this.#passed();
    this.#tell("event", event);
    if (!this.#iterated)
      return;
    this.#queue.push(event, bytes, event.seq, cursor);
    this.#waiting.shift()?.();
  }
  #wants(event) {
    const { test } = this.#options;
    if (this.#types !== void 0 && !this.#types.has(event.type))
      return false;
    return test === void 0 || event["testId"] === test || event["test"] === test;
  }
  /** What has come so far has been handed out, or is not wanted. */
  #passed() {
    const position = this.#follower?.position;
    if (this.#queue.length > 0 || position?.seq === void 0)
      return;
    this.#seq = position.seq;
    this.#cursor = position.cursor ?? this.#cursor;
  }
  #gap({ from, to, reason: reason2 }) {
    this.#passed();
    this.#tell("gap", { from, to, reason: reason2 });
  }
  #reset({ from, epoch }) {
    this.#queue.dropFrom(from);
    this.#passed();
    this.#tell("reset", { from, epoch });
  }
  #tell(type, detail) {
    if (this.#listened.has(type))
      this.dispatchEvent(new CustomEvent(type, { detail }));
  }
  #finish() {
    if (this.#status === "closed")
      return;
    this.#status = "closed";
    const detail = this.#error === void 0 ? { status: "closed" } : { status: "closed", error: this.#error };
    this.#tell("status", detail);
    for (const wake of this.#waiting.splice(0))
      wake();
  }
};
function screenQuery({ screen = false, maxFps, maxWidth }) {
  const query = { screen: screen === false ? "off" : screen };
  if (screen !== false && !/^[A-Za-z0-9._:/-]{1,200}$/.test(screen))
    throw new TypeError(`\`screen\` is no stream's name: ${screen}`);
  for (const [name, value, most] of [["maxFps", maxFps, 30], ["maxWidth", maxWidth, 8192]]) {
    if (value === void 0)
      continue;
    if (!Number.isInteger(value) || value < 1 || value > most)
      throw new TypeError(`\`${name}\` must be 1 to ${most}`);
    query[name] = String(value);
  }
  return query;
}

// ../js/dist/run.js
var Run = class {
  id;
  #context;
  /** Made by `runcast.run()`. */
  constructor(context, id) {
    this.id = id;
    this.#context = context;
  }
  /** The page on which people watch the run. */
  get url() {
    return `${this.#context.baseUrls.current}/runs/${encodeURIComponent(this.id)}`;
  }
  /** Watches the run: an async iterator of its events, and an `EventTarget`. */
  watch(options) {
    return new Watch(this.#context, this.id, options);
  }
  /** The run's state now, or as it was after an event. */
  state(query) {
    return readState(this.#context, this.id, query);
  }
  /** The run's tests; more are asked for while they are iterated over. */
  tests(query) {
    return readTests(this.#context, this.id, query);
  }
  /** The run's events up to the last one now, in pages; with `before` backwards. */
  events(query) {
    return readEvents(this.#context, this.id, query);
  }
  /** The lines of the run that have these words, in any case of their letters. */
  search(words, query) {
    return readHits(this.#context, this.id, words, query);
  }
  /** How much happened when, and the moments that people look for. */
  timeline(query) {
    return readTimeline(this.#context, this.id, query);
  }
  /** How up to 50 tests ended in the last runs of the project, up to this one. */
  history(tests, options) {
    return readHistory(this.#context, this.id, tests, options);
  }
  /** What has changed since another run, by default the last one of the same project and branch. */
  compare(options) {
    return readComparison(this.#context, this.id, options);
  }
  /** Gives a command. Throws an `ApiError` with the code of the refusal. */
  command(what, options) {
    return command(this.#context, this.id, what, options);
  }
  /** Takes control of the run, and renews it until the lease is released: `await using lease = await run.control()`. */
  control(options) {
    return control(this.#context, this.id, options);
  }
  /** Posts events to the run, as a producer of its own. */
  publish(options) {
    return new Publisher(this.#context, this.id, options);
  }
  /** The run as one file: `html`, a page; `junit`, JUnit XML; `zip`, its log and all artifacts. */
  async export(format, options = {}) {
    const path = `${runPath(this.id)}/export?format=${format}`;
    return (await call(this.#context, { method: "GET", path, ...options })).bytes();
  }
  /**
   * Deletes the run, with its artifacts and its history. One that has not ended only with `force`: else an `ApiError`
   * `run_live` is thrown.
   */
  async delete(options = {}) {
    const { force = false, ...rest } = options;
    await call(this.#context, { method: "DELETE", path: runPath(this.id) + (force ? "?force=1" : ""), ...rest });
  }
  /** Uploads a file as an artifact of the run: a Blob, bytes, or in Node.js the path of a file. */
  upload(file, options) {
    return upload(this.#context, this.id, file, options);
  }
};

// ../js/dist/client.js
var Runcast = class {
  #context;
  /** Made by {@link connect}. */
  constructor(options) {
    this.#context = contextOf(options);
  }
  /** A run by its id. */
  run(id) {
    return new Run(this.#context, id);
  }
  /** All runs, the one that changed last first; more are asked for while they are iterated over. */
  runs(query) {
    return readRuns(this.#context, query);
  }
};
function connect(options) {
  return new Runcast(options);
}

// ../js/dist/types.js
function isFinal2(status) {
  return FINAL_RUN_STATUSES.includes(status ?? "");
}

// src/github-status.ts
var CONTEXT = "runcast";
var MAX_DESCRIPTION = 140;
var TIMEOUT_MS9 = 5e3;
var CommitStatus = class _CommitStatus {
  constructor(settings, page, token, url) {
    this.settings = settings;
    this.page = page;
    this.token = token;
    this.#url = url;
  }
  settings;
  page;
  token;
  #url;
  #transport = createTransport();
  /** Requests go one after the other. */
  #last = Promise.resolve();
  /** Why the last one failed. */
  #fault;
  /** Undefined: the job has no token for it, or it is that of a fork, which may not write. */
  static of(settings, page, env, event) {
    const token = env["GITHUB_TOKEN"]?.trim();
    const repository = env["GITHUB_REPOSITORY"];
    const { commit } = settings.ci;
    const { head, base } = event?.pull_request ?? {};
    const isForeign = head !== void 0 && head.repo?.full_name !== base?.repo?.full_name;
    if (!token || !repository || commit === void 0 || isForeign) return void 0;
    const api = (env["GITHUB_API_URL"] || "https://api.github.com").replace(/\/+$/, "");
    if (!URL.canParse(api)) return void 0;
    return new _CommitStatus(settings, page, token, `${api}/repos/${repository}/statuses/${commit}`);
  }
  /** Sets the status, when what was posted before is through. */
  post(state, description, signal) {
    this.#last = this.#last.then(() => this.#send(state, description, signal)).catch((error) => {
      this.#fault = error instanceof Error ? error.message : String(error);
    });
  }
  /**
   * Says how it ended: a job that failed makes it a failure, and the last job that ends makes it what the run is. Returns
   * a note if GitHub does not take it.
   */
  async end(verdict, isWhole, signal) {
    const found = await this.#verdict(verdict, isWhole, signal);
    if (found !== void 0) this.post(found.isPassed ? "success" : "failure", found.description, signal);
    const late = new Promise((resolve3) => signal.addEventListener("abort", () => resolve3(), { once: true }));
    await Promise.race([this.#last, late]);
    return this.#fault && `GitHub has not taken the commit status: ${this.#fault}; github: false turns it off`;
  }
  /** What is known of the whole run; undefined: other jobs of it still run. */
  async #verdict(own, isWhole, signal) {
    if (!own.isPassed) return own;
    const { url, token, runId } = this.settings;
    try {
      const run = connect({ url, ...token !== void 0 && { token } }).run(runId);
      const { status } = await run.state({ signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS9 / 2)]) });
      if (status === null || !isFinal2(status)) return void 0;
      return status === "passed" ? own : { isPassed: false, description: `the run is ${status}` };
    } catch {
      return isWhole ? own : void 0;
    }
  }
  async #send(state, description, signal = AbortSignal.timeout(TIMEOUT_MS9)) {
    const response = await this.#transport.send({
      method: "POST",
      url: this.#url,
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${this.token}`,
        "content-type": "application/json",
        "user-agent": "runcast-playwright",
        "x-github-api-version": "2022-11-28"
      },
      body: JSON.stringify({
        state,
        context: CONTEXT,
        description: description.length > MAX_DESCRIPTION ? `${description.slice(0, MAX_DESCRIPTION - 1)}…` : description,
        target_url: this.page
      }),
      signal,
      timeoutMs: TIMEOUT_MS9
    });
    await response.bytes();
    const { status } = response;
    if (status >= 200 && status < 300) {
      this.#fault = void 0;
      return;
    }
    const isForbidden = status === 403 || status === 404;
    throw new Error(isForbidden ? `${status}, the job needs \`permissions: statuses: write\`` : `it answers ${status}`);
  }
};

// src/github-summary.ts
var import_node_fs5 = require("node:fs");
var import_node_path2 = require("node:path");
var MAX_BYTES = 1024 * 1024;
var MAX_TESTS = 20;
var MAX_ERROR = 300;
function appendSummary(file, summary) {
  if (file === void 0 || file === "") return;
  try {
    const text4 = markdown(summary);
    const had = (0, import_node_fs5.statSync)(file, { throwIfNoEntry: false })?.size ?? 0;
    if (had + Buffer.byteLength(text4) <= MAX_BYTES) (0, import_node_fs5.appendFileSync)(file, text4);
  } catch {
  }
}
function markdown({ results, page, job, rerun, rootDir }) {
  const { passed, failed: failed2, flaky, skipped, missing, errors, status } = results;
  const mark = status === "passed" ? "✅" : "❌";
  const parts3 = [
    `### ${mark} Playwright: ${cell(job)}`,
    `[Watch the run](${page}) with its steps, output and traces.`,
    [
      "| passed | failed | flaky | skipped | did not run |",
      "|---:|---:|---:|---:|---:|",
      `| ${passed} | ${failed2.length} | ${flaky.length} | ${skipped} | ${missing} |`
    ].join("\n")
  ];
  if (errors.length > 0) parts3.push(errors.map((error) => `- ${cell(error.slice(0, MAX_ERROR))}`).join("\n"));
  if (failed2.length > 0) parts3.push(table("failed", failed2, rootDir));
  if (flaky.length > 0) parts3.push(table("flaky", flaky, rootDir));
  if (rerun !== void 0) parts3.push(`Run what failed once more:

\`\`\`sh
${rerun}
\`\`\``);
  return `${parts3.join("\n\n")}

`;
}
function table(what, tests, rootDir) {
  const rows = tests.slice(0, MAX_TESTS).map(({ title, project, file, line, error }) => {
    const place2 = `${(0, import_node_path2.relative)(rootDir, file).replaceAll("\\", "/")}:${line}`;
    const name = project === "" ? title : `${title} [${project}]`;
    return `| ${cell(name)} | ${cell(place2)} | ${cell(error.split("\n", 1)[0]?.slice(0, MAX_ERROR) ?? "")} |`;
  });
  const more = tests.length > MAX_TESTS ? `

and ${tests.length - MAX_TESTS} more ${what} tests` : "";
  return `| ${what} | where | error |
|---|---|---|
${rows.join("\n")}${more}`;
}
function cell(text4) {
  return text4.replace(/\s+/g, " ").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replace(/[\\`*_[\]|~#@]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

// src/github.ts
var MAX_ANNOTATIONS = 10;
var END_MS = 5e3;
var Github = class {
  constructor(settings, page, env) {
    this.settings = settings;
    this.page = page;
    this.env = env;
    this.#status = CommitStatus.of(settings, page, env, githubEvent(env));
  }
  settings;
  page;
  env;
  #status;
  /** The commit has a status from now on, which leads to the run. */
  begin() {
    this.#status?.post("pending", "the tests run");
  }
  /** Says what the tests came to. Returns a note for the terminal if GitHub does not let it. Takes 5 s at most. */
  async end(results, config, rerun) {
    const signal = AbortSignal.timeout(END_MS);
    const { env, page } = this;
    if (!annotatesItself(config, env)) {
      const lines = annotations(results, page, env["GITHUB_WORKSPACE"] || process.cwd());
      if (lines.length > 0) process.stderr.write(`${lines.join("\n")}
`);
    }
    const shard = config.shard ? ` ${config.shard.current}/${config.shard.total}` : "";
    const job = `${this.settings.variant}${shard}`;
    appendSummary(env["GITHUB_STEP_SUMMARY"], { results, page, job, rerun, rootDir: config.rootDir });
    if (this.#status === void 0) {
      const isAsked = this.settings.github === true && !env["GITHUB_TOKEN"];
      return isAsked ? "there is no commit status: the step needs GITHUB_TOKEN in its env" : void 0;
    }
    return this.#status.end(verdictOf(results, job), config.shard === null, signal);
  }
};
function annotatesItself(config, env) {
  return env["PW_TEST_REPORTER"] === "github" || config.reporter.some(([name]) => name === "github");
}
function annotations(results, page, workspace) {
  const file = (path) => (0, import_node_path3.relative)(workspace, path).replaceAll("\\", "/");
  const line = (kind) => (test) => {
    const title = test.project === "" ? test.title : `${test.title} [${test.project}]`;
    return command2(kind, { file: file(test.errorFile), line: String(test.errorLine), title }, test.error);
  };
  const errors = [
    ...results.errors.map((error) => command2("error", { title: "Playwright" }, error)),
    ...results.failed.map(line("error"))
  ];
  const warnings = results.flaky.map(line("warning"));
  return [...atMost(errors, "error", "errors", page), ...atMost(warnings, "warning", "flaky tests", page)];
}
function verdictOf(results, job) {
  const { status, failed: failed2, flaky, passed, errors } = results;
  const counts = [
    [failed2.length, "failed"],
    [flaky.length, "flaky"],
    [passed, "passed"]
  ];
  const words = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  if (failed2.length === 0 && errors.length > 0) words.unshift("errors outside of tests");
  if (status !== "passed" && status !== "failed") words.unshift(status);
  return { isPassed: status === "passed", description: `${words.join(", ") || "no tests"} (${job})` };
}
function atMost(lines, kind, what, page) {
  if (lines.length <= MAX_ANNOTATIONS) return lines;
  const more = lines.length - MAX_ANNOTATIONS + 1;
  return [...lines.slice(0, MAX_ANNOTATIONS - 1), command2(kind, { title: `${more} more ${what}` }, page)];
}
function command2(kind, properties, message) {
  const escaped3 = (text4) => text4.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const value = (text4) => escaped3(text4).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const list2 = Object.entries(properties).map(([name, text4]) => `${name}=${value(text4)}`);
  return `::${kind} ${list2.join(",")}::${escaped3(message)}`;
}

// src/gitlab.ts
var import_node_fs7 = require("node:fs");
var import_node_path5 = require("node:path");

// src/kept.ts
var import_node_fs6 = require("node:fs");
var import_node_path4 = require("node:path");
function kept(path) {
  const directory = (0, import_node_path4.dirname)(path);
  (0, import_node_fs6.mkdirSync)(directory, { recursive: true, mode: 448 });
  const ignore = (0, import_node_path4.join)(directory, ".gitignore");
  if (!(0, import_node_fs6.existsSync)(ignore)) (0, import_node_fs6.writeFileSync)(ignore, "*\n");
  return path;
}

// src/gitlab.ts
var FILE = ".runcast/annotations.json";
function annotate(page, env) {
  const file = (0, import_node_path5.join)(env["CI_PROJECT_DIR"] || process.cwd(), FILE);
  const report = { runcast: [{ external_link: { label: "Watch the tests live", url: page } }] };
  try {
    (0, import_node_fs7.writeFileSync)(kept(file), `${JSON.stringify(report)}
`);
  } catch {
  }
}

// src/remedies.ts
function remedy2(cause) {
  if (!(cause instanceof ApiError) || cause instanceof BuildTokenError) return "";
  const { status } = cause;
  if (status === 401) return ": check the token (RUNCAST_TOKEN)";
  if (status === 403) return ": the token (RUNCAST_TOKEN) may not post to this run";
  if (status === 408 || status === 429) return ": it takes them later";
  if (status >= 500) return ": the server's log says more";
  return ": check the address (RUNCAST_URL)";
}

// src/rerun.ts
var import_node_path6 = require("node:path");

// src/shell.ts
function commandLine(args) {
  return args.map((arg) => /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`).join(" ");
}

// src/rerun.ts
var MAX_COMMAND = 1e3;
function rerunCommand(failed2, config, cwd = process.cwd()) {
  if (failed2.length === 0) return void 0;
  const file = (test) => pattern((0, import_node_path6.relative)(cwd, test.file).replaceAll("\\", "/"));
  const projects = [...new Set(failed2.map(({ project }) => project))];
  const isEvery = config.projects.length < 2 || projects.includes("");
  const last = [...configOf(config, cwd), ...isEvery ? [] : projects.map((name) => `--project=${name}`)];
  for (const place2 of [(test) => `${file(test)}:${test.line}`, file]) {
    const command3 = commandLine(["npx", "playwright", "test", ...new Set(failed2.map(place2)), ...last]);
    if (command3.length <= MAX_COMMAND) return command3;
  }
  return void 0;
}
function pattern(path) {
  return path.replace(/[\\^$*+?()[\]{}|]/g, "\\$&");
}
function configOf({ configFile }, cwd) {
  if (configFile === void 0) return [];
  const isDefault = (0, import_node_path6.dirname)(configFile) === cwd && /^playwright\.config\.[cm]?[jt]sx?$/.test((0, import_node_path6.basename)(configFile));
  return isDefault ? [] : ["-c", (0, import_node_path6.relative)(cwd, configFile).replaceAll("\\", "/")];
}

// src/results.ts
var MAX_ERROR2 = 2e3;
function resultsOf(suite, status, errors, mask) {
  const results = {
    status,
    passed: 0,
    skipped: 0,
    missing: 0,
    failed: [],
    flaky: [],
    errors: errors.map(plain)
  };
  for (const test of suite.allTests()) {
    switch (test.outcome()) {
      case "expected":
        results.passed += 1;
        break;
      case "unexpected":
        results.failed.push(failed(test, mask));
        break;
      case "flaky":
        results.flaky.push(failed(test, mask));
        break;
      default:
        if (test.results.some((result) => result.status === "skipped")) results.skipped += 1;
        else results.missing += 1;
    }
  }
  return results;
}
function failed(test, mask) {
  const [first2] = test.results.flatMap((result) => result.errors);
  const unexpected = `expected to be ${test.expectedStatus}, but ${test.results.at(-1)?.status ?? "did not run"}`;
  const place2 = first2?.location ?? test.location;
  return {
    title: test.titlePath().slice(3).join(" › "),
    project: test.parent.project()?.name ?? "",
    file: test.location.file,
    line: test.location.line,
    error: mask(plain(first2?.message ?? first2?.value ?? unexpected)),
    errorFile: place2.file,
    errorLine: place2.line
  };
}
function plain(text4) {
  const bare = text4.replace(/\u001b\[[0-9;]*m/g, "").trim();
  return bare.length <= MAX_ERROR2 ? bare : `${bare.slice(0, MAX_ERROR2)}…`;
}

// src/terminal.ts
var MAX_HELD = 100;
var MAX_ERRORS = 10;
var told = /* @__PURE__ */ new Set();
var held;
function say(line) {
  if (held !== void 0 && held.length < MAX_HELD) held.push(line);
  else process.stderr.write(`runcast: ${line}
`);
}
function warnOnce(key, line) {
  if (told.has(key)) return;
  told.add(key);
  say(line);
}
function hold() {
  if (held !== void 0 || process.stderr.isTTY !== true || process.stdout.isTTY !== true) return;
  held = [];
  process.prependListener("exit", release);
}
function release() {
  const lines = held ?? [];
  held = void 0;
  process.off("exit", release);
  lines.forEach((line) => say(line));
}
var Terminal = class {
  constructor(settings, env, masker) {
    this.settings = settings;
    this.env = env;
    this.masker = masker;
    const { configDir, runId, producer, url } = settings;
    this.spillFile = (0, import_node_path7.join)(configDir, ".runcast", `${runId}-${producer.slice(0, 8)}.ndjson`);
    this.#page = `${url[0]}/runs/${encodeURIComponent(runId)}`;
    if (settings.ci.name === "github" && settings.github !== false)
      this.#github = new Github(settings, this.#page, env);
  }
  settings;
  env;
  masker;
  /** Where events go that can't be posted. */
  spillFile;
  /** The page of the run. */
  #page;
  #github;
  #errors = [];
  #config;
  #suite;
  #results;
  /** The command that runs the failed tests again. */
  #rerun;
  /** The first reason for which an event was refused. */
  #refusal;
  #hasEnded = false;
  /** The run begins. */
  link() {
    if (this.settings.printLink !== false) {
      const notice = "secrets are masked in events, not in screens, traces and attachments";
      say(`watch this run at ${this.#page} (${notice})`);
    }
    this.#github?.begin();
    if (this.settings.ci.name === "gitlab") annotate(this.#page, this.env);
  }
  /** The tests are known. */
  begin(config, suite) {
    this.#config = config;
    this.#suite = suite;
    const { shard } = config;
    if (shard && !this.settings.isSharedRun) {
      const which = `shard ${shard.current} of ${shard.total}`;
      say(
        `this is ${which}, and other machines do not know the id of this run: set RUNCAST_RUN to the same in all of them`
      );
    }
    hold();
  }
  error(error) {
    if (this.#errors.length < MAX_ERRORS) this.#errors.push(this.masker.text(error.message ?? error.value ?? ""));
  }
  /**
   * All tests have ended. Returns a line with the command that runs the failed ones again, for the run's log; undefined:
   * none failed, or they are too many for a command.
   */
  over(status) {
    const suite = this.#suite;
    if (suite === void 0 || this.#config === void 0) return void 0;
    this.#results = resultsOf(suite, status, this.#errors, (text4) => this.masker.text(text4));
    this.#rerun = rerunCommand(this.#results.failed, this.#config);
    return this.#rerunLine;
  }
  problem(problem, stats) {
    const { kind, message, cause } = problem;
    if (kind === "unreachable") {
      const reason2 = `${message.replace(/^events wait: (?:no_build_token: )?/, "")}${remedy2(cause)}`;
      warnOnce(`unreachable ${this.settings.runId}`, `${reason2}; the tests go on, and what waits is posted later`);
    } else if (kind === "ended") {
      warnOnce(`ended ${this.settings.runId}`, `${message}; for a new run write another id into RUNCAST_RUN`);
    } else if (kind === "spilled") {
      this.#spilled(stats.spilled);
    } else if (kind === "lost") {
      const reason2 = cause instanceof Error ? ` (${cause.message})` : "";
      say(`${message}, nor written to ${this.spillFile}${reason2}: they are lost`);
    } else if (kind === "callback") {
      warnOnce("callback", message);
    } else if (kind === "event-refused") {
      this.#refusal ??= message.replace(/^an event /, "");
    }
  }
  /** The server's hints have changed. */
  hints({ clientOutdated }) {
    if (clientOutdated === void 0) return;
    const newer = `${this.settings.url[0]}/clients`;
    const version = `the server has version ${clientOutdated}`;
    warnOnce("outdated", `${version}, and this reporter is older: ${newer} says how to install its own`);
  }
  /** Everything is posted, or kept in files. Waits for GitHub, 5 s at most. */
  async end(_report, stats) {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    release();
    this.#counts(stats);
    const rerun = this.#rerunLine;
    if (rerun !== void 0) say(rerun);
    if (this.settings.printLink === "both") say(`this run is at ${this.#page}`);
    if (this.#github === void 0 || this.#results === void 0 || this.#config === void 0) return;
    const note = await this.#github.end(this.#results, this.#config, this.#rerun);
    if (note !== void 0) say(note);
  }
  get #rerunLine() {
    const shard = this.#config?.shard;
    const which = shard ? ` of shard ${shard.current} of ${shard.total}` : "";
    return this.#rerun && `to run the failed tests${which} again: ${this.#rerun}`;
  }
  /** What was not posted as it was. */
  #counts({ state, dropped, refused, shortened: shortened3 }) {
    const queueMb = this.settings.queueBytes / 1024 / 1024;
    if (dropped > 0) say(`events left out because ${queueMb} MiB waited for the server (queueMb): ${dropped}`);
    if (refused > 0 && state !== "ended") {
      say(`events that the server refused: ${refused}${this.#refusal ? `; the first one ${this.#refusal}` : ""}`);
    }
    if (shortened3 > 0) say(`events that were too large and were posted shorter: ${shortened3}`);
  }
  /** Events were written to the spill file. */
  #spilled(count) {
    const { url, runId } = this.settings;
    const near = (0, import_node_path7.relative)(process.cwd(), this.spillFile);
    const file = near.startsWith("..") || (0, import_node_path7.isAbsolute)(near) ? this.spillFile : near;
    const command3 = commandLine(["runcast", "publish", "--url", url.join(","), runId, file]);
    say(`events that the server has not got: ${count}; post them when it is back: ${command3}`);
  }
};

// src/guard.ts
var STACK_LINES = 6;
function guarded(hook, call2) {
  try {
    const value = call2();
    return value instanceof Promise ? value.catch((error) => tell(hook, error)) : value;
  } catch (error) {
    return tell(hook, error);
  }
}
function tell(hook, error) {
  try {
    const reason2 = error instanceof Error ? error.stack ?? error.message : String(error);
    const head = reason2.split("\n").slice(0, STACK_LINES).join("\n");
    warnOnce(`hook ${hook}`, `the reporter failed in ${hook}, and goes on with the next event: ${head}`);
  } catch {
  }
  return void 0;
}

// src/attachments/directory.ts
var import_node_fs8 = require("node:fs");
var import_node_path8 = require("node:path");
var KeptDirectory = class {
  #path;
  #isMade = false;
  /** `wanted`: its path, `<configDir>/.runcast/RUN-PRODUCER8`. If something is there already, it gets a number. */
  constructor(wanted) {
    this.#path = wanted;
  }
  get path() {
    return this.#path;
  }
  /** The path for a file of this name, which may have slashes. Its directory is made. Throws what the file system throws. */
  place(name) {
    if (!this.#isMade) this.#make();
    const path = (0, import_node_path8.join)(this.#path, name);
    (0, import_node_fs8.mkdirSync)((0, import_node_path8.dirname)(path), { recursive: true });
    return path;
  }
  /** Removes a file, and the directories that are empty then. */
  remove(path) {
    quietly(() => (0, import_node_fs8.unlinkSync)(path));
    for (let dir = (0, import_node_path8.dirname)(path); dir.length > this.#path.length; dir = (0, import_node_path8.dirname)(dir)) {
      if (!quietly(() => (0, import_node_fs8.rmdirSync)(dir))) return;
    }
  }
  /** Removes the directory if it is empty, and `.runcast` if nobody else has anything in it. */
  tidy() {
    if (!this.#isMade || !quietly(() => (0, import_node_fs8.rmdirSync)(this.#path))) return;
    this.#isMade = false;
    const parent = (0, import_node_path8.dirname)(this.#path);
    const ignore = (0, import_node_path8.join)(parent, ".gitignore");
    quietly(() => {
      if ((0, import_node_fs8.readdirSync)(parent).some((name) => name !== ".gitignore")) return;
      (0, import_node_fs8.unlinkSync)(ignore);
      if (!quietly(() => (0, import_node_fs8.rmdirSync)(parent)) && (0, import_node_fs8.existsSync)(parent)) (0, import_node_fs8.writeFileSync)(ignore, "*\n");
    });
  }
  #make() {
    const wanted = kept(this.#path);
    for (let number = 2; ; number += 1) {
      try {
        (0, import_node_fs8.mkdirSync)(this.#path, { mode: 448 });
        break;
      } catch (error) {
        if (!isCode(error, "EEXIST")) throw error;
        this.#path = `${wanted}-${number}`;
      }
    }
    this.#isMade = true;
  }
};
function isCode(error, ...codes) {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
function quietly(call2) {
  try {
    call2();
    return true;
  } catch {
    return false;
  }
}

// src/attachments/left.ts
var import_node_path9 = require("node:path");
function keep(items) {
  const left = { kept: 0, keptBytes: 0, lost: 0 };
  for (const { secured, size } of items) {
    let isKept = false;
    quietly(() => void (isKept = secured.keep()));
    if (isKept) {
      left.kept += 1;
      left.keptBytes += size;
    } else {
      left.lost += 1;
      secured.release();
    }
  }
  return left;
}
function uploadCommand(runId, url, directory) {
  const near = (0, import_node_path9.relative)(process.cwd(), directory);
  const path = near.startsWith("..") || (0, import_node_path9.isAbsolute)(near) ? directory : near;
  const upload2 = commandLine(["runcast", "upload", "--url", url.join(","), runId, path]);
  return process.platform === "win32" ? upload2 : `${upload2} && ${commandLine(["rm", "-r", path])}`;
}
function megabytes(bytes) {
  const amount2 = bytes / (1024 * 1024);
  return `${amount2 >= 10 ? Math.round(amount2) : Math.max(0.1, Math.round(amount2 * 10) / 10)} MB`;
}

// src/attachments/names.ts
var import_node_crypto4 = require("node:crypto");
var import_node_path10 = require("node:path");
var MAX_NAME = 255;
var MAX_TITLE = 60;
var MAX_DIRECTORY = 120;
var COPY = /^attachments[\\/]([^\\/]+)-[0-9a-f]{40}(\.[^\\/.]*)?$/;
var UNSENDABLE = new RegExp("[\\x00-\\x1f\\x7f-\\x9f]|\\p{Surrogate}", "gu");
var EXTENSIONS = {
  "application/gzip": ".gz",
  "application/javascript": ".js",
  "application/json": ".json",
  "application/pdf": ".pdf",
  "application/x-ndjson": ".ndjson",
  "application/xml": ".xml",
  "application/zip": ".zip",
  "audio/mpeg": ".mp3",
  "image/gif": ".gif",
  "image/jpeg": ".jpg",
  "image/png": ".png",
  "image/svg+xml": ".svg",
  "image/webp": ".webp",
  "text/css": ".css",
  "text/csv": ".csv",
  "text/html": ".html",
  "text/javascript": ".js",
  "text/markdown": ".md",
  "text/plain": ".txt",
  "text/xml": ".xml",
  "video/mp4": ".mp4",
  "video/webm": ".webm"
};
var Names = class {
  #attempts = /* @__PURE__ */ new WeakMap();
  #variant;
  constructor(variant) {
    this.#variant = shortened2(sanitized(variant), MAX_TITLE) || "default";
  }
  /** A name for what an attempt attached; a new one each time. */
  of({ name, contentType }, content, test, result) {
    const attempt = this.#attempt(test, result);
    const file = "body" in content ? named(name, contentType) : placed(attempt.outputDir, content.path);
    return free(attempt, file);
  }
  #attempt(test, result) {
    const known = this.#attempts.get(result);
    if (known !== void 0) return known;
    const directory = directoryOf(test, result);
    const outputDir = (0, import_node_path10.join)(test.parent.project()?.outputDir ?? "", directory);
    const attempt = { outputDir, prefix: `${this.#variant}/${directory}/`, taken: /* @__PURE__ */ new Set() };
    this.#attempts.set(result, attempt);
    return attempt;
  }
};
function directoryOf(test, result) {
  const project = test.parent.project();
  const file = fileOf(test).replace(/\.(spec|test)\.[cm]?[jt]sx?$/, "");
  const place2 = (0, import_node_path10.relative)(project?.testDir ?? "", file).replaceAll(/[\\/]/g, "-");
  const title = sanitized(test.titlePath().slice(3).join(" "));
  const parts3 = [shortened2(`${place2}-${title}`, MAX_TITLE)];
  if (project?.name) parts3.push(sanitized(project.name));
  if (result.retry > 0) parts3.push(`retry${result.retry}`);
  if (test.repeatEachIndex > 0) parts3.push(`repeat${test.repeatEachIndex}`);
  return shortened2(readable(parts3.join("-")), MAX_DIRECTORY);
}
function fileOf(test) {
  for (let suite = test.parent; suite !== void 0; suite = suite.parent) {
    if (suite.type === "file" && suite.location) return suite.location.file;
  }
  return test.location.file;
}
function placed(outputDir, path) {
  const within = (0, import_node_path10.relative)(outputDir, path);
  const copy = COPY.exec(within);
  if (copy) return `${copy[1]}${copy[2] ?? ""}`;
  const isWithin2 = within !== "" && !within.startsWith("..") && !(0, import_node_path10.isAbsolute)(within);
  return (isWithin2 ? within.replaceAll("\\", "/") : (0, import_node_path10.basename)(path)).replace(UNSENDABLE, "-");
}
function named(name, contentType) {
  const file = shortened2(readable(name), MAX_TITLE);
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return /\.[a-z0-9]{1,8}$/i.test(file) ? file : `${file}${EXTENSIONS[type] ?? ""}`;
}
function free({ prefix, taken }, wanted) {
  const extension = (0, import_node_path10.extname)(wanted).slice(0, 20);
  const most = MAX_NAME - prefix.length - extension.length - 6;
  const stem = shortened2(wanted.slice(0, wanted.length - (0, import_node_path10.extname)(wanted).length), most);
  for (let number = 1; ; number += 1) {
    const name = `${stem}${number > 1 ? `-${number}` : ""}${extension}`;
    const key = name.toLowerCase();
    if (taken.has(key)) continue;
    taken.add(key);
    return prefix + name;
  }
}
function sanitized(text4) {
  return text4.replace(/[\x00-\x2c\x2e-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+/g, "-");
}
function readable(text4) {
  const name = text4.replace(UNSENDABLE, "-").replace(/[<>:"/\\|?*]+/g, "-").replace(/[. ]+$/, "");
  return /^\.*$/.test(name) ? "attachment" : name;
}
function shortened2(text4, most) {
  if (text4.length <= most) return text4;
  const middle = `-${(0, import_node_crypto4.createHash)("sha1").update(text4).digest("hex").slice(0, 5)}-`;
  const start = Math.floor((most - middle.length) / 2);
  return text4.slice(0, start) + middle + text4.slice(-(most - middle.length - start));
}

// src/attachments/secure.ts
var import_node_fs9 = require("node:fs");
var import_node_path11 = require("node:path");
var MiB2 = 1024 * 1024;
var COPIED = MiB2 / 4;
var COPIED_IN_NEED = 8 * MiB2;
var MAX_DESCRIPTORS = 64;
var MAX_MEMORY = 16 * MiB2;
var MAX_BYTES2 = 2048 * MiB2;
var MAX_FILES = 1e4;
var DESCRIPTORS = "/proc/self/fd";
function look({ path, body }) {
  if (path !== void 0) return lookAt((0, import_node_path11.resolve)(path));
  return body === void 0 ? "it has neither a file nor a body" : { body, size: body.byteLength };
}
function lookAt(path) {
  try {
    let stats = (0, import_node_fs9.lstatSync)(path);
    let real = path;
    if (stats.isSymbolicLink()) {
      real = (0, import_node_fs9.realpathSync)(path);
      stats = (0, import_node_fs9.statSync)(real);
    }
    if (!stats.isFile()) return stats.isDirectory() ? "it is a directory" : "it is not a regular file";
    (0, import_node_fs9.accessSync)(real, import_node_fs9.constants.R_OK);
    return { path: real, size: stats.size, key: `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}:${real}` };
  } catch (error) {
    return reasonOf(error);
  }
}
var Safe = class {
  constructor(directory) {
    this.directory = directory;
  }
  directory;
  #memory = 0;
  #descriptors = 0;
  #bytes = 0;
  #files = 0;
  #hasDescriptors = (0, import_node_fs9.existsSync)(DESCRIPTORS);
  /** Whether so much waits for its upload that nothing more is taken. */
  isFull(size) {
    return this.#files >= MAX_FILES || this.#files > 0 && this.#bytes + size > MAX_BYTES2;
  }
  /**
   * Secures it under a name. A text is the reason why there is nothing to upload. Throws `EEXIST` if the name is taken.
   */
  secure(content, name) {
    const secured = "body" in content ? this.#body(content, name) : this.#file(content, name);
    return typeof secured === "string" ? secured : this.#counted(content.size, secured);
  }
  /**
   * A small file is copied. Others get a hard link, which survives that the file is removed; on another file system a
   * descriptor does, or a copy. If there is no way, it is read where it is when it is its turn.
   */
  #file({ path, size }, name) {
    const secured = (size <= COPIED ? this.#copy(path, name) : void 0) ?? this.#link(path, name) ?? this.#open(path, name) ?? (size <= COPIED_IN_NEED ? this.#copy(path, name) : void 0);
    if (secured !== void 0) return secured;
    if (!(0, import_node_fs9.existsSync)(path)) return "it is gone";
    return { source: path, keep: () => this.#copy(path, name) !== void 0, release: () => {
    } };
  }
  /** Bytes stay in memory as long as there is little of them. */
  #body({ body, size }, name) {
    const written2 = this.#memory + size > MAX_MEMORY ? this.#write(body, name) : void 0;
    if (written2 !== void 0) return written2;
    this.#memory += size;
    const release2 = () => void (this.#memory -= size);
    return { source: body, keep: () => this.#write(body, name) !== void 0, release: release2 };
  }
  #counted(size, secured) {
    this.#files += 1;
    this.#bytes += size;
    const release2 = () => {
      this.#files -= 1;
      this.#bytes -= size;
      secured.release();
    };
    return { source: secured.source, keep: () => secured.keep(), release: release2 };
  }
  #copy(path, name) {
    return this.#put(name, (target) => (0, import_node_fs9.copyFileSync)(path, target, import_node_fs9.constants.COPYFILE_EXCL));
  }
  #link(path, name) {
    return this.#put(name, (target) => (0, import_node_fs9.linkSync)(path, target));
  }
  #write(body, name) {
    return this.#put(name, (target) => (0, import_node_fs9.writeFileSync)(target, body, { flag: "wx", mode: 384 }));
  }
  #put(name, write2) {
    let target;
    try {
      target = this.directory.place(name);
      write2(target);
      const path = target;
      return { source: path, keep: () => true, release: () => this.directory.remove(path) };
    } catch (error) {
      if (isCode(error, "EEXIST")) throw error;
      if (target !== void 0) this.directory.remove(target);
      return void 0;
    }
  }
  /** An open file can be read after it was removed. Where Windows does not let it be removed there is no `/proc`. */
  #open(path, name) {
    if (!this.#hasDescriptors || this.#descriptors >= MAX_DESCRIPTORS) return void 0;
    let descriptor = -1;
    if (!quietly(() => void (descriptor = (0, import_node_fs9.openSync)(path, "r")))) return void 0;
    this.#descriptors += 1;
    const source = `${DESCRIPTORS}/${descriptor}`;
    const release2 = () => {
      this.#descriptors -= 1;
      quietly(() => (0, import_node_fs9.closeSync)(descriptor));
    };
    return { source, keep: () => this.#copy(source, name) !== void 0, release: release2 };
  }
};
function reasonOf(error) {
  if (isCode(error, "ENOENT", "ENOTDIR")) return "there is no such file";
  if (isCode(error, "EACCES", "EPERM")) return "it may not be read";
  return error instanceof Error ? error.message : String(error);
}

// src/attachments/uploads.ts
var SLOTS = 2;
var SMALL = 1024 * 1024;
var REST_MS = 1e3;
var MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+(\s*;\s*[\w.+-]+=("[\x20-\x21\x23-\x5b\x5d-\x7e]*"|[\w.+-]+))*$/;
var Uploads = class {
  constructor(run) {
    this.run = run;
  }
  run;
  /** In the order in which they came. */
  #waiting = [];
  /** Those that are on their way, by slot. */
  #running = Array.from({ length: SLOTS });
  #stop = new AbortController();
  #refusal;
  /** Why an upload failed last that may be repeated. */
  #lastError;
  /** When bytes have last been sent. */
  #movedAt = performance.now();
  #settled;
  /** The server takes no attachments of this run, now or later. */
  get isRefused() {
    return this.#refusal === "drop";
  }
  get lastError() {
    return this.#lastError;
  }
  push(item) {
    this.#waiting.push(item);
    this.#next();
  }
  /**
   * Waits until all is uploaded; ends earlier if nothing has been sent for `idleMs`, after `mostMs` at the latest, and if
   * the server takes nothing.
   */
  async settle(idleMs, mostMs) {
    const from = performance.now();
    let timer;
    await new Promise((resolve3) => {
      const check = () => {
        clearTimeout(timer);
        const now = performance.now();
        const left = Math.min(Math.max(from, this.#movedAt) + idleMs, from + mostMs) - now;
        if (this.#isIdle || this.#refusal !== void 0 || left <= 0) return resolve3();
        timer = setTimeout(check, left);
      };
      this.#settled = check;
      check();
    });
    this.#settled = void 0;
  }
  /** Ends what is on its way, and returns all that is not uploaded. */
  end() {
    const left = [...this.#running.filter((item) => item !== void 0), ...this.#waiting];
    this.#refusal ??= "keep";
    this.#waiting.length = 0;
    this.#running.fill(void 0);
    this.#stop.abort(new Error("the run has ended"));
    this.#settled?.();
    return left;
  }
  get #isIdle() {
    return this.#waiting.length === 0 && this.#running.every((item) => item === void 0);
  }
  #next() {
    for (let slot = 0; slot < SLOTS && this.#refusal === void 0; slot += 1) {
      if (this.#running[slot] !== void 0) continue;
      const item = this.#take(slot === 0);
      if (item === void 0) return;
      this.#running[slot] = item;
      void this.#upload(item, slot);
    }
  }
  /** What is next: of failed attempts first, then of the slot's size, then the oldest. */
  #take(prefersSmall) {
    let best = -1;
    let least = Infinity;
    for (const [index, { result, size }] of this.#waiting.entries()) {
      const rank = (result.errors.length > 0 ? 0 : 2) + (size <= SMALL === prefersSmall ? 0 : 1);
      if (rank >= least) continue;
      best = index;
      least = rank;
      if (rank === 0) break;
    }
    return best < 0 ? void 0 : this.#waiting.splice(best, 1)[0];
  }
  async #upload(item, slot) {
    const { signal } = this.#stop;
    let isDone = true;
    try {
      await this.run.upload(item.secured.source, {
        name: item.name,
        test: item.testId,
        signal,
        ...MEDIA_TYPE.test(item.contentType) && { contentType: item.contentType },
        ...item.isTrace && { kind: "trace" },
        // After a broken connection it counts from the beginning again.
        onProgress: (sent) => {
          if (sent <= (item.sent ?? 0)) return;
          item.sent = sent;
          this.#movedAt = performance.now();
        }
      });
      this.#movedAt = performance.now();
    } catch (error) {
      if (!signal.aborted) isDone = this.#failed(item, error);
    }
    if (signal.aborted) return;
    if (isDone) item.secured.release();
    else if (this.#refusal === void 0) return void setTimeout(() => this.#again(item, slot), REST_MS).unref();
    else this.#waiting.unshift(item);
    this.#running[slot] = void 0;
    this.#next();
    this.#settled?.();
  }
  #again(item, slot) {
    if (this.#stop.signal.aborted) return;
    this.#running[slot] = void 0;
    this.#waiting.unshift(item);
    this.#next();
  }
  /** Whether there is nothing more to be done about it. */
  #failed({ name, size }, error) {
    const what = `attachment ${name} (${megabytes(size)})`;
    if (!(error instanceof ApiError)) {
      if (error instanceof TransportError) {
        this.#lastError = error;
        return false;
      }
      warnOnce("attachment failed", `${what} can't be uploaded: ${error.message}`);
      return true;
    }
    const { status, code, detail } = error;
    const why2 = `${status} ${code}`;
    if (status === 501) return this.#refuse(`the server keeps no artifacts (${why2}): attachments are not uploaded`);
    if (status === 410 || code === "too_many_artifacts") {
      return this.#refuse(`the server takes no more attachments of this run (${why2}: ${detail})`);
    }
    this.#lastError = error;
    if ([401, 403, 404, 407].includes(status)) {
      this.#refusal = "keep";
      return false;
    }
    if (error.passing) return false;
    warnOnce(`attachment refused ${code}`, `the server refused ${what}, and maybe others: ${why2}: ${detail}`);
    return true;
  }
  /** Nothing more of this run is taken. */
  #refuse(line) {
    if (this.#refusal === void 0) warnOnce("attachments refused", line);
    this.#refusal = "drop";
    for (const { secured } of this.#waiting.splice(0)) secured.release();
    return true;
  }
};

// src/attachments.ts
var MiB3 = 1024 * 1024;
var PATIENCE = 4;
var MAX_REMEMBERED = 4096;
var Attachments = class {
  constructor(run, settings, terminal, masker) {
    this.masker = masker;
    this.#settings = settings;
    this.#directory = new KeptDirectory(terminal.spillFile.replace(/\.ndjson$/, ""));
    this.#safe = new Safe(this.#directory);
    this.#names = new Names(settings.variant);
    this.#uploads = new Uploads(run);
  }
  masker;
  /** Playwright hands out the same object in the step and in the result. */
  #entries = /* @__PURE__ */ new WeakMap();
  /** The artifacts of files, by what they were when they were attached. The oldest goes first. */
  #artifacts = /* @__PURE__ */ new Map();
  #settings;
  #directory;
  #safe;
  #names;
  #uploads;
  #finished;
  #hasEnded = false;
  /** Secures an attachment at once, and uploads it when it is its turn. The same one again is the same entry. */
  add(attachment, test, result) {
    const known = this.#entries.get(attachment);
    if (known !== void 0) return known;
    const { name, contentType } = attachment;
    const entry = { name: this.masker.text(name), contentType, ...this.#take(attachment, test, result) };
    this.#entries.set(attachment, entry);
    return entry;
  }
  /**
   * Waits for the uploads: as long as the end of the run may take, and four times as long while bytes are sent. What is
   * left stays in files.
   */
  finish() {
    const { endTimeoutMs } = this.#settings;
    this.#finished ??= this.#uploads.settle(endTimeoutMs, PATIENCE * endTimeoutMs).then(() => this.abandon());
    return this.#finished;
  }
  /** Uploads nothing more, and puts what is left into files, at once: the process is about to end. */
  abandon() {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const left = keep(this.#uploads.end());
    this.#directory.tidy();
    const reason2 = this.#uploads.lastError?.message ?? "there was no time left";
    if (left.kept > 0) {
      const { runId, url } = this.#settings;
      const what = `${left.kept}, ${megabytes(left.keptBytes)} (${reason2})`;
      const command3 = uploadCommand(runId, url, this.#directory.path);
      say(`attachments that the server has not got: ${what}; upload them when it is back: ${command3}`);
    }
    if (left.lost > 0)
      say(`attachments that the server has not got, and that no file could be made of: ${left.lost} (${reason2})`);
  }
  /** The members of the entry that say what becomes of it. */
  #take(attachment, test, result) {
    if (this.#hasEnded || !this.#isWanted(attachment, test)) return {};
    const content = look(attachment);
    if (typeof content === "string") return { note: content };
    const { size } = content;
    const key = "key" in content ? content.key : void 0;
    const known = key !== void 0 ? this.#artifacts.get(key) : void 0;
    if (known !== void 0) return { size, artifact: known };
    const note = this.#refusal(attachment.path ?? attachment.name, size);
    if (note !== void 0) return { size, note };
    const taken = this.#secure(attachment, content, test, result);
    if (typeof taken === "string") return { size, note: taken };
    const { artifact, secured } = taken;
    if (key !== void 0) this.#remember(key, artifact);
    const { name, contentType } = attachment;
    const isTrace = name === "trace" && contentType === "application/zip";
    this.#uploads.push({ name: artifact, contentType, isTrace, size, secured, testId: test.id, result });
    return { size, artifact };
  }
  #isWanted({ name, contentType, path }, test) {
    const wanted = this.#settings.attachments;
    if (typeof wanted === "boolean") return wanted;
    try {
      return wanted({ name, contentType, ...path !== void 0 && { path }, testId: test.id });
    } catch (error) {
      warnOnce(
        "attachments option",
        `the option \`attachments\` threw for "${name}", which is left out: ${String(error)}`
      );
      return false;
    }
  }
  /** Why it is not uploaded. */
  #refusal(file, size) {
    const most = this.#settings.attachmentMaxBytes;
    if (size > most) {
      const limit = `attachmentMaxMb (${most / MiB3})`;
      warnOnce(
        "attachment too large",
        `attachments larger than ${limit} are not uploaded: ${file} has ${megabytes(size)}`
      );
      return `it is larger than ${limit}`;
    }
    if (this.#uploads.isRefused) return "the server takes no attachments";
    if (!this.#safe.isFull(size)) return void 0;
    warnOnce("attachments wait", "too many attachments wait for the server: further ones are not uploaded");
    return "too many wait for the server";
  }
  #secure({ name, contentType }, content, test, result) {
    for (let tries = 0; tries < 8; tries += 1) {
      const artifact = this.#names.of({ name: this.masker.text(name), contentType }, content, test, result);
      try {
        const secured = this.#safe.secure(content, artifact);
        return typeof secured === "string" ? secured : { artifact, secured };
      } catch (error) {
        if (!isCode(error, "EEXIST")) throw error;
      }
    }
    return "its name is taken";
  }
  #remember(key, artifact) {
    this.#artifacts.set(key, artifact);
    const oldest = this.#artifacts.keys().next();
    if (this.#artifacts.size > MAX_REMEMBERED && !oldest.done) this.#artifacts.delete(oldest.value);
  }
};

// src/fit.ts
var TITLE_CHARS = 1024;
var PARAMS_CHARS = 8192;
var PARAM_CHARS = 256;
function cutTo3(text4, most, chars = text4.length) {
  if (text4.length <= most) return text4;
  return `${text4.slice(0, most).replace(/[\ud800-\udbff]$/, "")}… (${chars - most} characters more)`;
}
function firstOf2(list2, most, make, more) {
  const first2 = [];
  let bytes = 0;
  for (const entry of list2) {
    const made = make(entry);
    bytes += Buffer.byteLength(JSON.stringify(made)) + 1;
    if (bytes > most) return [...first2, more(list2.length - first2.length)];
    first2.push(made);
  }
  return first2;
}
function fitParams(params) {
  const json = JSON.stringify(params);
  if (json.length <= PARAMS_CHARS) return params;
  const cut = JSON.stringify(
    params,
    (_, value) => typeof value === "string" ? cutTo3(value, PARAM_CHARS) : value
  );
  if (cut.length <= PARAMS_CHARS) return JSON.parse(cut);
  return { json: cutTo3(json, PARAMS_CHARS / 4) };
}

// src/attempts.ts
var ATTACHMENTS_BYTES = 49152;
var Attempts = class {
  constructor(settings, describe, masker, attachments, emit) {
    this.settings = settings;
    this.describe = describe;
    this.masker = masker;
    this.attachments = attachments;
    this.emit = emit;
  }
  settings;
  describe;
  masker;
  attachments;
  emit;
  #attempts = /* @__PURE__ */ new Map();
  begin(test, result) {
    this.#attempts.set(result, { test, result, numbers: /* @__PURE__ */ new Map(), open: /* @__PURE__ */ new Set(), attached: [] });
    this.#status(test, result, "running", { title: this.describe.title(test) }, result.startTime);
  }
  /** A step begins. Playwright tells of none before its test begins, or after it has ended. */
  stepBegin(_test, result, step) {
    const attempt = this.#attempts.get(result);
    if (!attempt) return;
    this.#attach(attempt);
    if (!this.#isTold(step)) {
      this.masker.learn(step, result);
      return;
    }
    const { numbers, open: open3 } = attempt;
    numbers.set(step, numbers.size + 1);
    open3.add(step);
    this.#step(attempt, step, "begin", +step.startTime, this.#words(attempt, step));
  }
  stepEnd(_test, result, step) {
    const attempt = this.#attempts.get(result);
    if (!attempt) return;
    this.#attach(attempt);
    const isOpen = attempt.open.delete(step);
    if (!isOpen) return;
    const { duration, error, attachments = [], annotations: annotations2 = [] } = step;
    const entries = attachments.map((attachment) => this.#entry(attempt, attachment));
    this.#step(attempt, step, "end", +step.startTime + duration, {
      // Steps that failed are posted even if the queue is full and their begin had to go.
      ...error && { ...this.#words(attempt, step), params: void 0, error: this.describe.error(error) },
      durationMs: duration,
      ...entries.length > 0 && { attachments: listed(entries) },
      ...annotations2.length > 0 && { annotations: this.describe.annotations(annotations2) }
    });
  }
  end(test, result) {
    const attempt = this.#attempts.get(result);
    const errors = this.describe.errors(result.errors);
    if (attempt) {
      this.#attach(attempt);
      this.#attempts.delete(result);
      this.#close(attempt, endsSteps(attempt) ? errors[0] : void 0);
    }
    const annotations2 = this.describe.annotations(result.annotations ?? test.annotations);
    const attached = attempt?.attached ?? result.attachments.map((one) => this.attachments.add(one, test, result));
    const outcome = outcomeOf(test, result);
    this.#status(test, result, result.status, {
      durationMs: result.duration,
      ...outcome !== void 0 && { outcome },
      ...errors.length > 0 && { errors },
      ...annotations2.length > 0 && { annotations: annotations2 },
      ...attached.length > 0 && { attachments: listed(attached) }
    });
  }
  /** Ends what runs: the process goes. */
  endAll(status) {
    for (const attempt of this.#attempts.values()) {
      const { test, result, attached } = attempt;
      this.#attach(attempt);
      this.#close(attempt, void 0);
      const durationMs = Math.max(0, Date.now() - +result.startTime);
      this.#status(test, result, status, { durationMs, ...attached.length > 0 && { attachments: listed(attached) } });
    }
    this.#attempts.clear();
  }
  #isTold(step) {
    const { steps } = this.settings;
    return steps === "all" || steps === "test.step" && step.category === "test.step";
  }
  /** Playwright tells of no attachment: the list of the result has become longer. */
  #attach({ test, result, attached }) {
    if (result.attachments.length === attached.length) return;
    for (const attachment of result.attachments.slice(attached.length)) {
      attached.push(this.attachments.add(attachment, test, result));
    }
  }
  #entry({ test, result, attached }, attachment) {
    return attached[result.attachments.indexOf(attachment)] ?? this.attachments.add(attachment, test, result);
  }
  /** Ends steps that did not end, the innermost first: their worker has crashed, or what they wait for did not come. */
  #close(attempt, error) {
    const now = Date.now();
    for (const step of [...attempt.open].reverse()) {
      const durationMs = Math.max(0, now - +step.startTime);
      this.#step(attempt, step, "end", now, {
        ...error && { ...this.#words(attempt, step), params: void 0, error },
        durationMs
      });
    }
    attempt.open.clear();
  }
  /** What a step is. */
  #words({ result, numbers }, step) {
    let told2 = step.parent;
    while (told2 && !numbers.has(told2)) told2 = told2.parent;
    const parent = told2 && String(numbers.get(told2));
    const location = this.describe.location(step.location);
    const { title, subtitle, params } = this.masker.step(step, result);
    return {
      ...parent !== void 0 && { parent },
      title: cutTo3(title, TITLE_CHARS),
      ...subtitle !== void 0 && { subtitle: cutTo3(subtitle, TITLE_CHARS) },
      category: step.category,
      ...location !== void 0 && { location },
      ...params !== void 0 && { params: fitParams(params) }
    };
  }
  #step({ test, result, numbers }, step, phase, at, more) {
    const stepNumber = numbers.get(step);
    const told2 = { stepNumber, id: String(stepNumber), attempt: result.retry, phase, ...more };
    this.emit({ type: "test_step", timestamp: new Date(at).toISOString(), testId: test.id, step: told2 });
  }
  #status(test, result, status, more, at = /* @__PURE__ */ new Date()) {
    const { retry: attempt, workerIndex, parallelIndex } = result;
    const expected = test.expectedStatus.toLowerCase();
    const slot = parallelIndex < 0 ? {} : { slot: parallelIndex };
    const data = { attempt, workerIndex, ...slot, expected, ...more };
    const timestamp = at.toISOString();
    this.emit({ type: "test_status", timestamp, testId: test.id, status: status.toLowerCase(), data });
  }
};
function outcomeOf(test, { status }) {
  const isLast = test.results.length > test.retries || status === test.expectedStatus || status === "interrupted";
  return isLast ? test.outcome() : void 0;
}
function endsSteps({ result: { status, duration } }) {
  return status === "timedOut" || status === "failed" && duration === 0;
}
function listed(entries) {
  const make = (entry) => ({ ...entry, name: cutTo3(entry.name, TITLE_CHARS) });
  return firstOf2(entries, ATTACHMENTS_BYTES, make, (more) => ({ name: `${more} more`, contentType: "text/plain" }));
}

// src/commands.ts
var CANNOT = "no worker hook: the reporter alone can only end the whole run";
var REQUESTS = /* @__PURE__ */ new Set([
  "cancel_requested",
  "pause_requested",
  "resume_requested",
  "hold_requested",
  "instructions_updated",
  "step_requested",
  "run_to_requested",
  "action_queued",
  "step_override_queued",
  "replay_step_requested"
]);
var Commands2 = class {
  /** Somebody wanted the run to end, and it was told to. */
  isCancelled = false;
  /** Takes a command. An act needs no claim for its refusal: the server takes the first report of it for one. */
  obey(publisher, { event }) {
    const { type, commandId } = event;
    if (commandId === void 0 || !REQUESTS.has(type)) return;
    if (type !== "cancel_requested" || !isOfRun(event)) {
      publisher.report(commandId, "rejected", { detail: CANNOT });
      return;
    }
    publisher.report(commandId, "done");
    if (this.isCancelled) return;
    this.isCancelled = true;
    setImmediate(() => process.emit("SIGINT"));
  }
};
function isOfRun({ testId, target }) {
  const { testId: test, slot } = target ?? {};
  return testId == null && test == null && slot == null;
}

// src/describe.ts
var import_node_path12 = require("node:path");
var ERRORS_BYTES = 147456;
var ANNOTATIONS_BYTES = 32768;
var MESSAGE_CHARS = 12288;
var STACK_CHARS = 6144;
var SNIPPET_CHARS = 3072;
var CAUSES = 10;
var Descriptions = class {
  constructor(rootDir, masker) {
    this.masker = masker;
    this.rootDir = rootDir;
  }
  masker;
  /** What paths are relative to. */
  rootDir;
  file(path) {
    return (0, import_node_path12.relative)(this.rootDir, path).replaceAll("\\", "/");
  }
  /** `file:line:column` */
  location(location) {
    return location && `${this.file(location.file)}:${location.line}:${location.column}`;
  }
  /** The titles of the groups that a test is in, and its own. */
  title(test) {
    return test.titlePath().slice(3).map((title) => this.#text(title, TITLE_CHARS));
  }
  annotations(annotations2) {
    const make = ({ type, description }) => ({
      type: cutTo3(type, TITLE_CHARS),
      ...description !== void 0 && { description: this.#text(description, TITLE_CHARS) }
    });
    return firstOf2(annotations2, ANNOTATIONS_BYTES, make, (more) => ({
      type: `${more} more`
    }));
  }
  errors(errors) {
    return firstOf2(
      errors,
      ERRORS_BYTES,
      (error) => this.error(error),
      (more) => ({ message: `${more} more errors` })
    );
  }
  error(error) {
    const location = this.location(error.location);
    const { snippet } = error;
    const stack = stackOf(error);
    return {
      message: this.#text(messageOf(error), MESSAGE_CHARS),
      ...location !== void 0 && { location },
      ...snippet !== void 0 && { snippet: this.#text(snippet, SNIPPET_CHARS) },
      ...stack !== void 0 && { stack: this.#text(stack, STACK_CHARS) }
    };
  }
  /** A text without secrets, as long as it may be. A secret may reach across the place where it is cut. */
  #text(text4, most) {
    return cutTo3(this.masker.text(text4, 2 * most), most, text4.length);
  }
};
function messageOf(error, depth = 0) {
  const message = error.message ?? error.value ?? "";
  if (!error.cause || depth === CAUSES) return message;
  return `${message}
[cause]: ${messageOf(error.cause, depth + 1)}`;
}
function stackOf(error, depth = 0) {
  const { stack, cause } = error;
  if (stack === void 0 || !cause || depth === CAUSES) return stack;
  return `${stack}
[cause]: ${stackOf(cause, depth + 1) ?? messageOf(cause)}`;
}

// src/signals.ts
var import_node_os = require("node:os");
var WITHIN_MS = {
  SIGTERM: 1500,
  SIGHUP: 1500,
  // Playwright obeys the first one by itself; at the second one people wait for their prompt.
  SIGINT: 300
};
var SIGNALS = Object.keys(WITHIN_MS);
var RAISED_MS = 200;
var open2 = /* @__PURE__ */ new Set();
var isDying = false;
function atEnd(ending) {
  if (open2.size === 0) {
    for (const signal of SIGNALS) process.on(signal, signalled);
    process.prependListener("exit", exited);
  }
  open2.add(ending);
  return () => {
    if (!open2.delete(ending) || open2.size > 0) return;
    listenNoMore();
    process.off("exit", exited);
  };
}
function listenNoMore() {
  for (const signal of SIGNALS) process.off(signal, signalled);
}
function exited() {
  for (const ending of open2) ending.exit();
}
function signalled(signal) {
  if (signal === void 0) return;
  const isSure = !isWanted(signal, 1);
  if (signal === "SIGINT" && !isSure) return;
  if (isDying) {
    if (!isSure) return;
    exited();
    raise(signal);
    return;
  }
  isDying = true;
  const died = [...open2].map((ending) => ending.die(WITHIN_MS[signal], isSure));
  void Promise.all(died).then(() => raise(signal));
}
function isWanted(signal, ours) {
  const emitters = [
    Reflect.get(process, "__signal_exit_emitter__"),
    Reflect.get(globalThis, /* @__PURE__ */ Symbol.for("signal-exit emitter"))
  ];
  const copies = emitters.reduce((sum, emitter) => sum + (Number(emitter?.count) || 0), 0);
  return process.listenerCount(signal) > ours + copies;
}
function raise(signal) {
  if (!isDying) return;
  isDying = false;
  listenNoMore();
  if (isWanted(signal, 0)) return;
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(128 + import_node_os.constants.signals[signal]), RAISED_MS);
}

// src/ending.ts
var UNREACHED_MS = 2e3;
var UNANSWERED_MS = 1e4;
var End = class {
  /** `interrupt` tells that the run was interrupted, unless it has ended. */
  constructor(publisher, attachments, terminal, settings, interrupt) {
    this.publisher = publisher;
    this.attachments = attachments;
    this.terminal = terminal;
    this.settings = settings;
    this.interrupt = interrupt;
    this.#leave = atEnd(this);
  }
  publisher;
  attachments;
  terminal;
  settings;
  interrupt;
  /** Nothing is to be recorded any more: the process ends. */
  isOver = false;
  #began = performance.now();
  #leave;
  #finished;
  /** Nothing more will come: it is posted while other reporters still work. Waits for nothing. */
  begin() {
    const { endTimeoutMs } = this.settings;
    void guarded("onEnd", async () => {
      const [{ delivered }] = await Promise.all([
        this.publisher.flush({ timeoutMs: endTimeoutMs }),
        this.attachments.finish()
      ]);
      if (delivered) await this.finish();
    });
  }
  /** Posts what is left as long as that may take, and keeps the rest in files. */
  finish() {
    this.#finished ??= this.#finish();
    return this.#finished;
  }
  async die(withinMs, isSure) {
    guarded("signal", this.interrupt);
    this.isOver = isSure;
    await this.publisher.flush({ timeoutMs: withinMs });
    if (isSure) this.exit();
  }
  exit() {
    guarded("exit", this.interrupt);
    this.isOver = true;
    this.#abandon();
  }
  async #finish() {
    await this.#post();
    const report = await this.publisher.close({ timeoutMs: 0 });
    if (!report.delivered) this.attachments.abandon();
    await this.attachments.finish();
    this.isOver = true;
    this.#leave();
    await this.terminal.end(report, this.publisher.stats);
  }
  /** Waits until everything is posted, until that is hopeless, or until it has taken too long. */
  async #post() {
    const from = performance.now();
    for (; ; ) {
      const began = performance.now();
      const timeoutMs = Math.min(UNREACHED_MS, from + this.#limitMs - began);
      if (timeoutMs <= 0) return;
      const { delivered } = await this.publisher.flush({ timeoutMs });
      if (delivered || performance.now() - began < timeoutMs - 10) return;
    }
  }
  #abandon() {
    guarded("exit", () => this.publisher.abandon());
    guarded("exit", () => this.attachments.abandon());
    release();
  }
  get #limitMs() {
    const { stored, retries } = this.publisher.stats;
    const isThere = stored > 0 || retries === 0 && performance.now() - this.#began < UNANSWERED_MS;
    return Math.min(this.settings.endTimeoutMs, isThere ? Infinity : UNREACHED_MS);
  }
};

// src/git.ts
var import_node_fs10 = require("node:fs");
var import_node_path13 = require("node:path");
var MAX_BYTES3 = 16 * 1024 * 1024;
function gitState(dir) {
  const gitDir = findGitDir(dir);
  const head = gitDir && read((0, import_node_path13.join)(gitDir, "HEAD"))?.trim();
  if (gitDir === void 0 || head === void 0) return {};
  const ref = /^ref: (refs\/\S+)$/.exec(head)?.[1];
  if (ref === void 0) return isHash(head) ? { commit: head } : {};
  const common = read((0, import_node_path13.join)(gitDir, "commondir"))?.trim();
  const dirs = common === void 0 ? [gitDir] : [gitDir, (0, import_node_path13.resolve)(gitDir, common)];
  const commit = dirs.map((each) => commitOf(each, ref)).find((found) => found !== void 0);
  const branch = ref.replace(/^refs\/heads\//, "");
  if (branch === ".invalid") return {};
  return { branch, ...commit !== void 0 && { commit } };
}
function capturedCommit(metadata) {
  const found = metadata?.["gitCommit"];
  if (typeof found !== "object" || found === null) return {};
  const members = { commit: found.hash, branch: found.branch, title: found.subject, author: found.author?.name };
  const known = Object.entries(members).filter(
    ([, value]) => typeof value === "string" && value !== "" && value !== "HEAD"
  );
  return Object.fromEntries(known.map(([name, value]) => [name, String(value).slice(0, 256)]));
}
function findGitDir(dir) {
  for (let at = (0, import_node_path13.resolve)(dir); ; at = (0, import_node_path13.dirname)(at)) {
    const found = (0, import_node_path13.join)(at, ".git");
    const kind = (0, import_node_fs10.statSync)(found, { throwIfNoEntry: false });
    if (kind?.isDirectory()) return found;
    const elsewhere = kind && /^gitdir: (.+)$/m.exec(read(found) ?? "")?.[1];
    if (elsewhere !== void 0) return (0, import_node_path13.resolve)(at, elsewhere.trim());
    if ((0, import_node_path13.dirname)(at) === at) return void 0;
  }
}
function commitOf(gitDir, ref) {
  const loose = read((0, import_node_path13.join)(gitDir, ref))?.trim();
  if (loose !== void 0 && isHash(loose)) return loose;
  const packed = read((0, import_node_path13.join)(gitDir, "packed-refs")) ?? "";
  const at = packed.indexOf(` ${ref}
`);
  const hash2 = at < 0 ? "" : packed.slice(packed.lastIndexOf("\n", at) + 1, at);
  return isHash(hash2) ? hash2 : void 0;
}
function read(file) {
  try {
    return (0, import_node_fs10.statSync)(file).size > MAX_BYTES3 ? void 0 : (0, import_node_fs10.readFileSync)(file, "utf8");
  } catch {
    return void 0;
  }
}
function isHash(text4) {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text4);
}

// src/mask/names.ts
var PARTS = new RegExp(
  [
    "passw(?:or)?d|passphrase|passcode|secret(?!ar)|token|credential|api ?key|access ?key|private ?key",
    "(?:one ?time|security|verification|auth(?:entication)?|pin) ?code|card ?(?:number|num|no\\b)",
    "(?:credit|debit) ?card|social ?security|passwort|kennwort|contrase[nñ]a|mot de passe|senha|wachtwoord|пароль|密码|パスワード"
  ].join("|")
);
var WORDS = /(?<![\p{L}\p{N}])(?:pass|pwd|pw|passwd|t?otp|2?mfa|2fa|pin|cvc2?|cvv2?|csc|iban|ssn|cc number)(?![\p{L}\p{N}])/u;
var CARD = /(?<![.\w-])card(?=["'`\])]|$)/i;
function isSecretField(text4) {
  if (text4 === "") return false;
  const words = text4.slice(0, 4096).replace(/(?<=[a-z0-9])(?=[A-Z])/g, " ").toLowerCase().replace(/[-_]+/g, " ");
  return PARTS.test(words) || WORDS.test(words) || CARD.test(text4);
}
var VARIABLE = new RegExp(
  [
    "PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|APIKEY|AUTHORIZATION|CONNECTION_?STRING",
    "(?:^|_)(?:PWD|PASS|PAT|AUTH|PIN|OTP|DSN)$|[^_]_KEY(?:_?(?:ID|BASE64|PEM|\\d+))?$|PRIVATE_?KEY|ACCESS_?KEY"
  ].join("|")
);
var DIRECTORIES = /* @__PURE__ */ new Set(["PWD", "OLDPWD", "INIT_CWD"]);
function isSecretVariable(name) {
  return VARIABLE.test(name.toUpperCase()) && !DIRECTORIES.has(name);
}
function isSecretMember(name) {
  return name.length <= 64 && VARIABLE.test(name.replace(/(?<=[a-z0-9])(?=[A-Z])|-/g, "_").toUpperCase());
}
var COMMON = new Set(
  "true false null none undefined default enabled disabled required optional always never unset empty dummy example sample test tests testing tester test1234 testtest user username users guest root admin administrator demo pass password passwd password1 secret token value text string hello world login name email localhost 127.0.0.1 0.0.0.0 postgres postgresql mysql mariadb redis mongodb rabbitmq elastic minio minioadmin development production staging preview internal inherit chrome chromium firefox webkit page click fill expect error warning info debug http https file node playwright runcast github gitlab 1234 0000 2024 2025 2026 2027".split(" ")
);
function isCommon(text4) {
  const word = text4.trim().toLowerCase();
  return word === "" || COMMON.has(word) || /^(.)\1*$/su.test(word);
}

// src/mask/call-log.ts
var FIELD = /(?:waiting for|Locator:|locator resolved to) +(.*)|Expect "to\w+" (.*) with timeout/g;
var TYPED = /(?<=\b(?:fill|type|press|pressSequentially|insertText)\(")(?!"\)[ \t]*$)[\s\S]{0,2000}?(?="\)[ \t]*$)/dgm;
var VALUES = /(?<=\b(?:unexpected value|Expected(?: string)?:|Received(?: string)?:) *")(?!"[ \t]*$).+?(?="[ \t]*$)/dgm;
var ATTRIBUTE = /(?<=\bvalue=")[^"]+(?=")/dg;
var LONGEST_LOG = 65536;
function mentions(error, all) {
  if (!error.includes("Call log:") && !error.includes("toHaveValue")) return [];
  const text4 = error.slice(0, LONGEST_LOG);
  if (!all && !isAboutSecret(text4)) return [];
  const found = [...text4.matchAll(TYPED), ...text4.matchAll(ATTRIBUTE)];
  if (text4.includes("toHaveValue")) found.push(...text4.matchAll(VALUES));
  return found.map(({ 0: value, index }) => ({ value, range: [index, index + value.length] }));
}
function isAboutSecret(text4) {
  for (const [, field, expected] of text4.matchAll(FIELD)) {
    const named2 = (field ?? expected ?? "").replace(ATTRIBUTE, "");
    if (/\btype="password"/.test(named2) || isSecretField(named2)) return true;
  }
  return false;
}

// src/mask/escapes.ts
var ESCAPES = /\u001b\[[0-?]*[ -/]*[@-~]/g;
var BEGINNING = /(?:\u001b(?:\[[0-?]*[ -/]*)?|[\ud800-\udbff])$/;
var ESC = "\x1B";
function plain2(raw) {
  if (!raw.includes(ESC)) return { text: raw };
  const places = new Uint32Array(raw.length);
  let text4 = "";
  let from = 0;
  const keep2 = (to) => {
    for (let at = from, place2 = text4.length; at < to; at += 1, place2 += 1) places[place2] = at;
    text4 += raw.slice(from, to);
  };
  for (const { 0: escape, index } of raw.matchAll(ESCAPES)) {
    keep2(index);
    from = index + escape.length;
  }
  keep2(raw.length);
  return { text: text4, places };
}
function openEscape(raw) {
  const tail = Math.max(0, raw.length - 32);
  const found = BEGINNING.exec(raw.slice(tail));
  return found ? tail + found.index : raw.length;
}
function merged(ranges) {
  const sorted = ranges.filter(([from, to]) => from < to).sort(([one], [other]) => one - other);
  const all = [];
  for (const [from, to] of sorted) {
    const last = all.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else all.push([from, to]);
  }
  return all;
}
function replaced(raw, { places }, ranges, word, part) {
  let text4 = "";
  let [at] = part;
  for (const range of ranges) {
    const from = places ? places[range[0]] : range[0];
    const to = places ? places[range[1] - 1] + 1 : range[1];
    if (to <= at || from >= part[1]) continue;
    if (from > at) text4 += raw.slice(at, from);
    const hidden2 = raw.slice(Math.max(at, from), to);
    text4 += word + (places ? (hidden2.match(ESCAPES) ?? []).join("") : "");
    at = to;
  }
  return at < part[1] ? text4 + raw.slice(at, part[1]) : text4;
}

// src/mask/params.ts
var DEEPEST = 6;
var MOST_MEMBERS = 500;
var LONGEST_STRING = 2048;
var MOST_CHARS = 16384;
var LONGEST_NAME = 128;
var LEFT_OUT = "…";
function maskedParams(params, mask, word) {
  let members = MOST_MEMBERS;
  let chars = MOST_CHARS;
  const string = (text4) => {
    if (chars <= 0) return LEFT_OUT;
    const masked = mask(text4, Math.min(LONGEST_STRING, chars));
    chars -= masked.length;
    return masked;
  };
  const walk = (value, depth) => {
    if (typeof value === "string") return string(value);
    if (typeof value === "bigint") return String(value);
    if (typeof value === "function" || typeof value === "symbol") return void 0;
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof Date || value instanceof RegExp) return string(String(value));
    if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
    if (depth >= DEEPEST) return LEFT_OUT;
    if (Array.isArray(value)) return list2(value, depth);
    return record2(value, depth);
  };
  const list2 = (values, depth) => {
    const all = [];
    for (const value of values) {
      if ((members -= 1) < 0) return [...all, LEFT_OUT];
      all.push(walk(value, depth + 1));
    }
    return all;
  };
  const record2 = (values, depth) => {
    const all = [];
    for (const name in values) {
      if (!Object.hasOwn(values, name)) continue;
      if ((members -= 1) < 0) {
        all.push([LEFT_OUT, LEFT_OUT]);
        break;
      }
      const value = values[name];
      const isSecret = (typeof value === "string" || typeof value === "number") && value !== "" && isSecretMember(name);
      all.push([mask(name, LONGEST_NAME), isSecret ? word : walk(value, depth + 1)]);
    }
    return Object.fromEntries(all);
  };
  return record2(params, 0);
}

// src/mask/shapes.ts
var NAME = `(?:${[
  "passw(?:or)?d|passphrase|passcode|pwd|secret|token|credentials?",
  "api[-_]?key|access[-_]?key|private[-_]?key|passwort|kennwort"
].join("|")})`;
var QUOTE = `\\\\{0,3}["'\`]`;
var SHAPES = [
  // https://ada:SECRET@host
  [`:\\/\\/[^\\s\\/@"'<>]*@`, [`:\\/\\/[^\\s\\/@:"'<>]*:(?<secret>[^\\s\\/"'<>]+)@`]],
  // Headers, as call logs list them.
  [
    "authorization|cookie|\\bx-|bearer|basic",
    [
      `\\b(?:proxy-)?authorization(?:${QUOTE})?\\s*[:=]\\s*(?:${QUOTE})?(?<secret>[^\\r\\n"'\`\\\\]+)`,
      `\\bx-[a-z-]{0,40}(?:key|token|secret)(?:${QUOTE})?\\s*:\\s*(?:${QUOTE})?(?<secret>[^\\r\\n"'\`\\\\]+)`,
      `\\b(?:set-)?cookie(?:${QUOTE})?\\s*:\\s*(?:${QUOTE})?(?<secret>[^\\s=;"'\`\\\\]+=[^\\r\\n"\`\\\\]+)`,
      `\\b(?:bearer|basic)\\s+(?<secret>(?=[\\w.~+\\/-]*[\\d=])[\\w.~+\\/=-]{8,})`
    ]
  ],
  [
    `${NAME}(?:${QUOTE})?\\s*[:=]`,
    [
      // password: 'SECRET', "apiKey":"SECRET"
      `${NAME}(?:${QUOTE})?\\s*[:=]\\s*(?<quote>${QUOTE})(?<secret>(?:(?!\\k<quote>)[^\\r\\n]){1,2000})\\k<quote>`,
      // ?token=SECRET, PASSWORD=SECRET
      `${NAME}=(?<secret>[^\\s&;,"'\`<>()\\[\\]{}]+)`,
      // password: s3cret
      `(?<![\\w-])${NAME}:\\s+(?<secret>(?=\\S*\\d)[^\\s"'\`(){}]{6,})`
    ]
  ],
  // Tokens that say by their beginning what they are.
  [
    "eyJ|AKIA|gh[pousr]_|github_pat|glpat-|npm_|xox|sk[-_]",
    [
      `\\b(?<secret>eyJ[\\w-]{8,4000}\\.[\\w-]{8,4000}\\.[\\w-]*)`,
      `\\b(?<secret>(?:gh[pousr]_|github_pat_|glpat-|npm_|xox[abeprs]-)[\\w-]{16,})`,
      `\\b(?<secret>sk[-_](?:live|test|ant|proj)[-_][\\w-]{16,}|AKIA[0-9A-Z]{16})\\b`
    ]
  ]
].map(([trace, all]) => [new RegExp(trace, "i"), all.map((shape) => new RegExp(shape, "dgi"))]);
function shapes(text4) {
  const ranges = [];
  for (const [trace, all] of SHAPES) {
    if (!trace.test(text4)) continue;
    for (const shape of all) {
      for (const { indices } of text4.matchAll(shape)) {
        const range = indices?.groups?.["secret"];
        if (range) ranges.push([range[0], range[1]]);
      }
    }
  }
  return ranges;
}

// src/mask/source.ts
var import_node_fs11 = require("node:fs");
var MOST_FILES = 32;
var LARGEST_FILE = 524288;
var LINES_BEFORE = 6;
var LINES_BEHIND = 3;
var LONGEST_LINE = 2e3;
var LONGEST_CHAIN = 300;
var CALL = /\.(fill|type|pressSequentially|insertText|toHaveValue)\(\s*/g;
var LITERAL = /(["'`])((?:\\[\s\S]|(?!\1|\\)[\s\S])*)\1\s*/y;
function* typingCalls(code) {
  for (const found of code.matchAll(CALL)) yield typingCall(code, found.index, found.index + found[0].length);
}
var Sources = class {
  #files = /* @__PURE__ */ new Map();
  /** The call of one of these methods whose name stands at a place in a file, as a step's location says. */
  at(location, methods) {
    if (!location) return void 0;
    const lines = this.#lines(location.file);
    const line = lines[location.line - 1];
    if (line === void 0 || line.length > LONGEST_LINE) return void 0;
    const before = lines.slice(Math.max(0, location.line - 1 - LINES_BEFORE), location.line - 1).map((text4) => `${text4}
`);
    const behind = lines.slice(location.line, location.line + LINES_BEHIND).map((text4) => `
${text4}`);
    const code = [...before, line, ...behind].join("");
    const column = before.join("").length + location.column - 1;
    for (const found of code.matchAll(CALL)) {
      if (found.index + 1 < column || found.index > column + LONGEST_CHAIN || !methods.includes(found[1])) continue;
      return typingCall(code, found.index, found.index + found[0].length);
    }
    return void 0;
  }
  #lines(file) {
    const known = this.#files.get(file);
    if (known) return known;
    const lines = read2(file);
    if (this.#files.size >= MOST_FILES) this.#files.delete(this.#files.keys().next().value);
    this.#files.set(file, lines);
    return lines;
  }
};
function read2(file) {
  try {
    return (0, import_node_fs11.statSync)(file).size > LARGEST_FILE ? [] : (0, import_node_fs11.readFileSync)(file, "utf8").split(/\r?\n/);
  } catch {
    return [];
  }
}
function typingCall(code, dot, at) {
  const chain = statement(code.slice(Math.max(0, dot - LONGEST_CHAIN), dot));
  const name = /[)\]]\s*$/.test(chain) ? chain : /[\w$]+\s*$/.exec(chain)?.[0] ?? "";
  const first2 = literal(code, at);
  if (!first2) return { field: name };
  if (code[first2.end] !== ",") return { field: name, ...first2.text };
  const space = /\s*/y;
  space.lastIndex = first2.end + 1;
  space.test(code);
  const second = space.lastIndex || first2.end + 1;
  if (code[second] === "{" || code[second] === ")") return { field: name, ...first2.text };
  return { field: `${name} ${first2.text.value ?? ""}`, ...literal(code, second)?.text };
}
function literal(code, at) {
  LITERAL.lastIndex = at;
  const found = LITERAL.exec(code);
  if (!found) return void 0;
  const [, quote, text4] = found;
  if (quote === "`" && text4.includes("${")) return { end: LITERAL.lastIndex, text: {} };
  const range = [at + 1, at + 1 + text4.length];
  return { end: LITERAL.lastIndex, text: { value: unescaped(text4), range } };
}
function unescaped(text4) {
  return text4.replace(/\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\s\S]))/g, (_, unicode, hex, one) => {
    if (unicode ?? hex) return String.fromCharCode(parseInt(unicode ?? hex, 16));
    return { n: "\n", r: "\r", t: "	", "\n": "" }[one] ?? one;
  });
}
function statement(code) {
  return code.slice(Math.max(...["await ", ";", "=>", "{\n"].map((mark) => code.lastIndexOf(mark) + 1)));
}

// src/mask/stream.ts
var LONGEST_LINE2 = 4096;
var LONGEST_HELD = 16384;
var LineStream = class {
  constructor(finder, word) {
    this.finder = finder;
    this.word = word;
  }
  finder;
  word;
  /** The text from the beginning of its last line on, or of what may be a secret. */
  #text = "";
  /** How much of it was shown. */
  #shown = 0;
  get isHolding() {
    return this.#text.length > this.#shown;
  }
  write(piece) {
    this.#text += piece;
    const lines = this.#text.lastIndexOf("\n") + 1;
    const isLong = this.#text.length - lines > LONGEST_LINE2;
    if (lines <= this.#shown && !isLong) return "";
    const { safe, masked } = this.#masked();
    const shown2 = this.#show(isLong ? safe : Math.min(lines, safe), masked);
    this.#forget(isLong ? safe : Math.min(lines, safe));
    return shown2;
  }
  flush(all = false) {
    if (!this.isHolding) return "";
    const { safe, masked } = this.#masked();
    return this.#show(all ? this.#text.length : safe, masked);
  }
  end() {
    const { masked } = this.#masked();
    const shown2 = this.#show(this.#text.length, masked);
    this.#text = "";
    this.#shown = 0;
    return shown2;
  }
  /** What of the text can be shown, and how. */
  #masked() {
    const raw = this.#text;
    const whole2 = openEscape(raw);
    const bare = plain2(raw.slice(0, whole2));
    const ranges = merged(this.finder.find(bare.text));
    const open3 = this.finder.open(bare.text);
    let safe = open3 < bare.text.length ? placeOf(bare, open3) : whole2;
    for (const [from, to] of ranges) {
      const [begins, ends] = [placeOf(bare, from), placeOf(bare, to - 1) + 1];
      if (begins < safe && ends > safe) safe = begins;
    }
    if (raw.length - safe > LONGEST_HELD) safe = raw.length;
    return { safe, masked: (from, to) => replaced(raw, bare, ranges, this.word, [from, to]) };
  }
  #show(to, masked) {
    if (to <= this.#shown) return "";
    const shown2 = masked(this.#shown, to);
    this.#shown = to;
    return shown2;
  }
  #forget(before) {
    const kept2 = Math.min(before, this.#shown);
    this.#text = this.#text.slice(kept2);
    this.#shown -= kept2;
  }
};
function placeOf({ places }, at) {
  return places ? places[at] : at;
}

// src/mask/typing.ts
var TITLE = /^(Fill|Type|Press|Insert|Expect)(?: "([\s\S]*)| ([\s\S]+))?$/;
var LOCATOR = /" (?=(?:locator|getBy[A-Z]\w*|frameLocator|page\.|frame\.)\W)/;
var OBJECT = "page|frame|locator|locator\\..+|elementHandle|keyboard";
var CALL2 = new RegExp(`^(${OBJECT})\\.(fill|type|pressSequentially|press|insertText)(?:\\(([\\s\\S]*)\\))?$`);
var EXPECTED = "toHaveValue";
var ACTIONS = /* @__PURE__ */ new Set([
  "fill",
  "type",
  "pressSequentially",
  "press",
  "insertText",
  "Fill",
  "Type",
  "Press",
  "Insert"
]);
var METHODS = {
  Fill: ["fill"],
  Type: ["type", "pressSequentially"],
  Insert: ["insertText"]
};
var NAMED_KEY = /^(?!Shift\+.$)(?:[\s\S]{2,})$/u;
var Typist = class {
  constructor(sources) {
    this.sources = sources;
  }
  sources;
  #lastFields = /* @__PURE__ */ new WeakMap();
  /** What a step types; undefined if nothing. `attempt`: what it is a part of. */
  read(step, attempt) {
    if (step.category !== "pw:api" && step.category !== "expect") return void 0;
    const parts3 = partsOf(step);
    if (!parts3) return void 0;
    const { action } = parts3;
    if (!ACTIONS.has(action) && action !== EXPECTED) {
      if (attempt && parts3.field) this.#lastFields.set(attempt, parts3.field);
      return void 0;
    }
    const isPress = action.toLowerCase() === "press";
    if (isPress && parts3.value !== void 0 && NAMED_KEY.test(parts3.value)) {
      if (attempt && /Tab$/.test(parts3.value)) this.#lastFields.delete(attempt);
      return void 0;
    }
    const call2 = this.sources.at(step.location, METHODS[action] ?? [action]);
    const field = parts3.field === "" ? (attempt && this.#lastFields.get(attempt)) ?? "" : parts3.field;
    if (attempt && parts3.field) this.#lastFields.set(attempt, parts3.field);
    const isSecret = field === void 0 && !call2 || isSecretField(field ?? "") || call2 !== void 0 && isSecretField(call2.field);
    const values = [parts3.value, call2?.value].filter((value2) => value2 !== void 0 && value2 !== "");
    const { value, before, behind } = parts3;
    const hasValue = value !== void 0 && value !== "" && before !== step.title;
    return { isSecret, values, title: (word) => hasValue ? before + word + behind : step.title };
  }
};
function partsOf(step) {
  const { title, category } = step;
  const params = step.params;
  const subtitle = step.subtitle ?? text2(params?.["locator"]);
  if (category === "expect") {
    const value = text2(params?.["expected"]);
    const action2 = title.includes(EXPECTED) ? EXPECTED : "";
    return {
      action: action2,
      field: subtitle ?? locatorIn(title),
      ...value !== void 0 && { value },
      before: title,
      behind: ""
    };
  }
  const call2 = CALL2.exec(title);
  if (call2) return oldParts(title, call2, "annotations" in step);
  const found = TITLE.exec(title);
  if (!found) return { action: "", field: subtitle ?? locatorIn(title), before: title, behind: "" };
  const [, action, quoted, locator] = found;
  const param = text2(params?.["value"]) ?? text2(params?.["text"]) ?? text2(params?.["key"]);
  const end = quoted === void 0 ? -1 : (subtitle === void 0 ? LOCATOR.exec(quoted)?.index : void 0) ?? quoted.lastIndexOf('"');
  if (quoted === void 0 || end < 0) {
    return {
      action,
      field: subtitle ?? locator ?? "",
      ...param !== void 0 && { value: param },
      before: title,
      behind: ""
    };
  }
  const field = subtitle ?? quoted.slice(end + 2);
  return { action, field, value: param ?? quoted.slice(0, end), before: `${action} "`, behind: quoted.slice(end) };
}
function oldParts(title, [, object, action, rest], says) {
  const open3 = title.length - (rest ?? "").length - 1;
  const chain = object.startsWith("locator.") ? object : "";
  if (rest === void 0) return { action, field: chain, before: title, behind: "" };
  if (action === "fill") {
    const isValue = object.startsWith("locator") ? says || chain !== "" : object === "elementHandle";
    if (!isValue) return { action, field: rest, before: title, behind: "" };
    const field2 = chain !== "" || object !== "locator" ? chain : void 0;
    return { action, field: field2, value: rest, before: title.slice(0, open3), behind: ")" };
  }
  const comma = chain !== "" || object === "elementHandle" || object === "keyboard" ? -1 : rest.indexOf(", ");
  const field = comma < 0 ? chain : rest.slice(0, comma);
  const at = comma < 0 ? 0 : comma + 2;
  return { action, field, value: rest.slice(at), before: title.slice(0, open3 + at), behind: ")" };
}
function locatorIn(title) {
  return /\b(?:locator|getBy[A-Z]\w*|frameLocator)\([\s\S]*$/.exec(title)?.[0] ?? /\((.+)\)$/s.exec(title)?.[1] ?? "";
}
function text2(value) {
  return typeof value === "string" ? value : void 0;
}

// src/mask/encodings.ts
var SHORTEST_BASE64 = 8;
function encodings(value) {
  const json = escaped(value);
  const url = encodeURIComponent(value.replace(new RegExp("\\p{Surrogate}", "gu"), "�"));
  const all = /* @__PURE__ */ new Set([value, json, escaped(json), value.replace(/[\\']/g, "\\$&"), url, url.replaceAll("%20", "+")]);
  all.add(url.replace(/%(?:2[1467-9BCF]|3[ABDF]|40)/g, (code) => decodeURIComponent(code)));
  all.add(value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"));
  return all;
}
function escaped(text4) {
  return JSON.stringify(text4).slice(1, -1);
}
function* base64(value) {
  const bytes = Buffer.from(value);
  for (const before of [0, 1, 2]) {
    const text4 = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const from = before === 0 ? 0 : before + 1;
    const whole2 = Math.floor((before + bytes.length) * 8 / 6);
    const form = text4.slice(from, whole2);
    if (form.length < SHORTEST_BASE64) continue;
    yield form;
    if (/[+/]/.test(form)) yield form.replaceAll("+", "-").replaceAll("/", "_");
  }
}

// src/mask/values.ts
var SHORTEST = 4;
var LONGEST = 1024;
var MOST_OF_A_VALUE = 16384;
var MOST_VALUES = 1e3;
var MOST_CHARS2 = 1048576;
var SHORTEST_LINE = 8;
var WORD = new RegExp("^(?:\\p{L}{4,7}|\\p{N}{4,7})$", "u");
var LETTER = /[\p{L}\p{N}_]/u;
var Values = class {
  /** Counts up whenever other values are looked for. */
  changes = 0;
  /** Those that are looked for, in the order in which they were last seen. */
  #learned = /* @__PURE__ */ new Set();
  #fixed = /* @__PURE__ */ new Set();
  #learnedChars = 0;
  /** What is looked for, by the hash of its first four characters. */
  #buckets = /* @__PURE__ */ new Map();
  /** Which hashes there are: most places of a text are done with after one look. */
  #hashes = new Uint8Array(65536);
  /** The first one, two and three characters of what is looked for. */
  #starts = /* @__PURE__ */ new Set();
  #longest = 0;
  get size() {
    return this.#fixed.size + this.#learned.size;
  }
  /** Looks for a value from now on. `fixed`: it stays; others go when there are too many. */
  add(value, fixed = false) {
    if (value.length < SHORTEST || this.#fixed.has(value)) return;
    if (fixed) {
      this.#fixed.add(value);
      this.#index(value);
      return;
    }
    if (isCommon(value)) return;
    const isKnown2 = this.#learned.delete(value);
    this.#learned.add(value);
    if (isKnown2) return;
    this.#learnedChars += Math.min(value.length, MOST_OF_A_VALUE);
    if (this.#learned.size > MOST_VALUES || this.#learnedChars > MOST_CHARS2) this.#forget();
    else this.#index(value);
  }
  /** Where values stand. Those that overlap are all told. */
  find(text4) {
    const found = [];
    const last = text4.length - SHORTEST;
    if (this.#longest === 0 || last < 0) return found;
    let [one, two, three] = [text4.charCodeAt(0), text4.charCodeAt(1), text4.charCodeAt(2)];
    for (let at = 0; at <= last; at += 1) {
      const four = text4.charCodeAt(at + 3);
      const hash2 = hashed(one, two, three, four);
      if (this.#hashes[hash2] === 1) {
        const end = longestAt(this.#buckets.get(hash2), text4, at);
        if (end > at) found.push([at, end]);
      }
      [one, two, three] = [two, three, four];
    }
    return found;
  }
  /** Where a value may begin that goes on behind the text; the text's end if there is none. */
  open(text4) {
    for (let at = Math.max(0, text4.length - this.#longest); at < text4.length; at += 1) {
      const rest = text4.length - at;
      if (rest < SHORTEST) {
        if (this.#starts.has(text4.slice(at))) return at;
        continue;
      }
      const hash2 = hashed(
        text4.charCodeAt(at),
        text4.charCodeAt(at + 1),
        text4.charCodeAt(at + 2),
        text4.charCodeAt(at + 3)
      );
      if (this.#hashes[hash2] === 0) continue;
      if (goesOn(this.#buckets.get(hash2), text4.slice(at))) return at;
    }
    return text4.length;
  }
  /** The oldest quarter goes. */
  #forget() {
    let most = Math.floor(MOST_VALUES * 3 / 4);
    let chars = 0;
    const newest = [...this.#learned].reverse();
    this.#learned.clear();
    for (const value of newest) {
      chars += Math.min(value.length, MOST_OF_A_VALUE);
      if (most === 0 || chars > MOST_CHARS2 * 3 / 4) break;
      most -= 1;
      this.#learned.add(value);
    }
    const kept2 = [...this.#learned].reverse();
    this.#learned.clear();
    this.#learnedChars = 0;
    [this.#buckets, this.#hashes, this.#starts, this.#longest] = [/* @__PURE__ */ new Map(), new Uint8Array(65536), /* @__PURE__ */ new Set(), 0];
    for (const value of this.#fixed) this.#index(value);
    for (const value of kept2) {
      this.#learned.add(value);
      this.#learnedChars += Math.min(value.length, MOST_OF_A_VALUE);
      this.#index(value);
    }
  }
  #index(value) {
    this.changes += 1;
    for (const piece of pieces(value)) {
      const standsAlone = WORD.test(piece);
      for (const text4 of encodings(piece)) if (text4.length >= SHORTEST) this.#insert(text4, standsAlone, true);
      for (const text4 of base64(piece)) this.#insert(text4, false, false);
    }
  }
  #insert(text4, standsAlone, starts) {
    const hash2 = hashed(text4.charCodeAt(0), text4.charCodeAt(1), text4.charCodeAt(2), text4.charCodeAt(3));
    const bucket = this.#buckets.get(hash2) ?? { lengths: [], forms: /* @__PURE__ */ new Map() };
    this.#buckets.set(hash2, bucket);
    bucket.forms.set(text4, standsAlone && bucket.forms.get(text4) !== false);
    if (!bucket.lengths.includes(text4.length)) bucket.lengths.push(text4.length);
    bucket.lengths.sort((one, other) => other - one);
    this.#hashes[hash2] = 1;
    for (let length = 1; starts && length < SHORTEST; length += 1) this.#starts.add(text4.slice(0, length));
    this.#longest = Math.max(this.#longest, text4.length);
  }
};
function hashed(one, two, three, four) {
  return one + two * 31 + three * 961 + four * 29791 & 65535;
}
function* pieces(value) {
  const most = value.slice(0, MOST_OF_A_VALUE);
  for (let from = 0; from < most.length; from += LONGEST) {
    const piece = most.slice(from, from + LONGEST);
    if (from === 0 || piece.length >= SHORTEST) yield piece;
  }
  if (!most.includes("\n")) return;
  for (const line of most.split(/\r?\n/)) {
    const text4 = line.trim();
    if (text4.length >= SHORTEST_LINE && text4.length <= LONGEST && !isCommon(text4)) yield text4;
  }
}
function longestAt({ lengths, forms }, text4, at) {
  for (const length of lengths) {
    const end = at + length;
    const standsAlone = end <= text4.length ? forms.get(text4.slice(at, end)) : void 0;
    if (standsAlone === void 0 || standsAlone && (LETTER.test(text4.charAt(end)) || !isFree(text4, at))) continue;
    return end;
  }
  return at;
}
function goesOn({ forms }, tail) {
  for (const [form, standsAlone] of forms) {
    if (form.length > tail.length ? form.startsWith(tail) : standsAlone && form === tail) return true;
  }
  return false;
}
function isFree(text4, at) {
  if (!LETTER.test(text4.charAt(at - 1))) return true;
  return /%[0-9a-f]{2}$|\\[nrt]$|\\u[0-9a-f]{4}$/i.test(text4.slice(Math.max(0, at - 6), at));
}

// src/mask/variables.ts
var import_node_fs12 = require("node:fs");
var SHORTEST_GUESS = 8;
var MOST_VARIABLES = 5e3;
var ADDRESS = /^[a-z][a-z0-9+.-]*:\/\//i;
var PATH = /^(?:\.{0,2}|~|[A-Za-z]:)[\\/]/;
function secretsOf(env, named2) {
  const never = named2.filter((name) => name.startsWith("!")).map((name) => glob(name.slice(1)));
  const always = named2.filter((name) => !name.startsWith("!")).map(glob);
  const secrets = [];
  for (const [name, value] of Object.entries(env).slice(0, MOST_VARIABLES)) {
    if (value === void 0 || value.length < SHORTEST || never.some((pattern2) => pattern2.test(name))) continue;
    if (always.some((pattern2) => pattern2.test(name))) {
      secrets.push(value, value.trim());
      continue;
    }
    const password = passwordOf(value);
    if (password !== void 0) secrets.push(...withoutEscapes(password).filter(isGuess));
    else if (isSecretVariable(name) && isGuess(value) && !isPlace(value)) secrets.push(value.trim());
  }
  return secrets;
}
function isGuess(value) {
  return value.trim().length >= SHORTEST_GUESS && !isCommon(value);
}
function isPlace(value) {
  if (ADDRESS.test(value)) return !/[?&#]/.test(value);
  return value.length < 4096 && PATH.test(value) && (0, import_node_fs12.existsSync)(value);
}
function passwordOf(value) {
  if (!ADDRESS.test(value)) return void 0;
  return /^[^/]*\/\/[^/?#]*?:([^/?#]*)@/.exec(value)?.[1];
}
function withoutEscapes(text4) {
  try {
    return [text4, decodeURIComponent(text4)];
  } catch {
    return [text4];
  }
}
function glob(name) {
  const parts3 = name.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts3.join(".*")}$`, process.platform === "win32" ? "is" : "s");
}

// src/mask.ts
var MASK = "***";
var LONGEST_TEXT = 65536;
var LONGEST_TITLE = 4096;
var MOST_REMEMBERED = 1e3;
var LONGEST_REMEMBERED = 256;
var LEFT_OUT2 = "…";
var TYPED_PARAMS = ["value", "text", "key", "expected"];
var Masker = class {
  #options;
  #fill;
  #patterns;
  #values = new Values();
  #remembered = /* @__PURE__ */ new Map();
  /** The changes of the values that what is remembered belongs to. */
  #changes = 0;
  #typist = new Typist(new Sources());
  /** `options` false: nothing is masked but `own`, the reporter's own secrets. */
  constructor(options, env, own = []) {
    this.#options = options === false ? void 0 : options;
    this.#fill = options === false ? "none" : options.fill ?? "secret";
    const given2 = [...this.#options?.values ?? [], ...own].filter(
      (value) => typeof value === "string" && value !== ""
    );
    for (const value of given2) this.#values.add(value, true);
    const short = given2.filter((value) => value.length < SHORTEST).map((value) => new RegExp(escaped2(value), "g"));
    this.#patterns = [...short, ...(this.#options?.patterns ?? []).map(everywhere)];
    this.environment(env);
  }
  /** Looks for a secret of the reporter's own from now on, also where nothing else is masked. */
  own(value) {
    this.#values.add(value, true);
  }
  /** Looks for secrets in the environment again: a global setup may have set some. */
  environment(env) {
    if (!this.#options) return;
    for (const value of secretsOf(env, this.#options.env ?? [])) this.#values.add(value, true);
  }
  /** The text without secrets, and with at most so many characters. */
  text(text4, most = LONGEST_TEXT) {
    if (text4.length <= most) return this.#masked(text4);
    const stream = this.stream();
    const begins = stream.write(text4.slice(0, most + LONGEST)) + stream.flush();
    return `${begins.slice(0, Math.min(most, begins.length) - 1).replace(/[\ud800-\udbff]$/, "")}${LEFT_OUT2}`;
  }
  /**
   * The words of a step without the secrets that are typed in it; from then on they are masked everywhere. `attempt`:
   * what the step is a part of, any object.
   */
  step(step, attempt) {
    const { subtitle, params } = step;
    const typing = this.learn(step, attempt);
    const shown2 = typing && params ? hidden(params, typing.values) : params;
    return {
      title: this.text(typing ? typing.title(MASK) : step.title, LONGEST_TITLE),
      ...subtitle !== void 0 && { subtitle: this.text(subtitle, LONGEST_TITLE) },
      ...shown2 && { params: maskedParams(shown2, (text4, most) => this.text(text4, most), MASK) }
    };
  }
  /** Remembers the secrets that are typed in a step. Returns what is typed in it, if it is to be masked. */
  learn(step, attempt) {
    if (this.#fill === "none") return void 0;
    const typing = this.#typist.read(step, attempt);
    if (!typing || !(typing.isSecret || this.#fill === "all")) return void 0;
    for (const value of typing.values) this.#learn(value);
    return typing;
  }
  /** Masks a text that comes in pieces, across their borders. */
  stream() {
    const find = (text4) => this.#find(text4);
    return new LineStream({ find, open: (text4) => this.#values.open(text4) }, MASK);
  }
  #masked(text4) {
    if (text4.length > LONGEST_REMEMBERED) return this.#unremembered(text4);
    if (this.#changes !== this.#values.changes || this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#changes = this.#values.changes;
    const known = this.#remembered.get(text4);
    if (known !== void 0) return known;
    const masked = this.#unremembered(text4);
    if (this.#changes === this.#values.changes) this.#remembered.set(text4, masked);
    return masked;
  }
  #unremembered(text4) {
    const bare = plain2(text4);
    const ranges = merged(this.#find(bare.text));
    return ranges.length === 0 ? text4 : replaced(text4, bare, ranges, MASK, [0, text4.length]);
  }
  /** Where secrets stand in a text without escapes. Those that the text tells are looked for from then on. */
  #find(text4) {
    const ranges = [];
    if (this.#fill !== "none") {
      const all = this.#fill === "all";
      for (const { value, range } of mentions(text4, all)) {
        this.#learn(value);
        ranges.push(range);
      }
      for (const { field, value, range } of typingCalls(text4)) {
        if (value === void 0 || !range || !(all || isSecretField(field))) continue;
        this.#learn(value);
        ranges.push(range);
      }
    }
    if (this.#options) ranges.push(...shapes(text4));
    for (const pattern2 of this.#patterns) {
      for (const { 0: found, index } of text4.matchAll(pattern2)) ranges.push([index, index + found.length]);
    }
    ranges.push(...this.#values.find(text4));
    return ranges;
  }
  #learn(value) {
    this.#values.add(value);
    if (value.includes("\\n")) this.#values.add(value.replaceAll("\\n", "\n"));
  }
};
function hidden(params, values) {
  const typed = TYPED_PARAMS.filter((name) => values.includes(params[name]));
  return typed.length === 0 ? params : { ...params, ...Object.fromEntries(typed.map((name) => [name, MASK])) };
}
function everywhere(pattern2) {
  return new RegExp(pattern2.source, `${pattern2.flags.replace(/[gy]/g, "")}g`);
}
function escaped2(text4) {
  return text4.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");
}

// src/output/channel.ts
var import_node_string_decoder = require("node:string_decoder");

// src/output/cut.ts
var encoder = new TextEncoder();
var CHARACTER_BYTES = 4;
function cutTo4(text4, bytes) {
  if (Buffer.byteLength(text4) <= bytes) return text4;
  const { read: read3 } = encoder.encodeInto(text4, new Uint8Array(Math.max(0, Math.floor(bytes))));
  const lines = read3 > 0 ? text4.lastIndexOf("\n", read3 - 1) + 1 : 0;
  return text4.slice(0, lines > read3 / 2 ? lines : read3);
}
function* parts2(text4, bytes) {
  for (let rest = text4; rest !== ""; ) {
    const part = cutTo4(rest, Math.max(CHARACTER_BYTES, bytes));
    yield part;
    rest = rest.slice(part.length);
  }
}

// src/output/channel.ts
var JOINED_CHARS = 16384;
var PART_OF_A_LINE = 4096;
var EVENT_BYTES = 32768;
var SKIPPED_BYTES = 4096;
var Channel = class {
  constructor(masker, budget, post) {
    this.masker = masker;
    this.budget = budget;
    this.post = post;
  }
  masker;
  budget;
  post;
  #sources = /* @__PURE__ */ new Map();
  /** Pieces that can be posted, of one stream. */
  #joined = "";
  #joinedOf = "stdout";
  /** Since when something is held back. */
  #heldSince;
  #lastWrite = 0;
  /** Output is left out until there is room again. */
  #isFull = false;
  #leftOut = 0;
  #leftOutOf = "stdout";
  /** Whether something is not posted yet. */
  get isWaiting() {
    return this.#joined !== "" || this.#leftOut > 0 || this.#heldSince !== void 0;
  }
  write(stream, chunk, now) {
    const source = this.#source(stream);
    this.#lastWrite = now;
    if (this.#isFull && !this.budget.isRoomy(now)) {
      this.#leaveOut(stream, typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length);
      source.skips = SKIPPED_BYTES;
      return;
    }
    this.#isFull = false;
    let text4 = typeof chunk === "string" ? source.decoder.end() + chunk : source.decoder.write(chunk);
    if (source.skips > 0) text4 = this.#skip(stream, source, text4);
    if (source.skips > 0) return;
    this.#tellLeftOut();
    const room = this.budget.at(now);
    const fits = wholeLines(cutTo4(text4, room), text4);
    this.budget.take(Buffer.byteLength(fits));
    this.#join(stream, source.mask.write(fits));
    if (fits.length < text4.length) this.#stop(stream, source, text4.slice(fits.length));
    this.#heldSince = this.#isHolding() ? this.#heldSince ?? now : void 0;
  }
  /** Posts what is complete, and lines without an end; what may be the beginning of a secret waits. */
  settle() {
    for (const [stream, { mask }] of this.#sources) if (mask.isHolding) this.#join(stream, mask.flush());
    this.#postJoined();
    if (!this.#isHolding()) this.#heldSince = void 0;
  }
  /** Posts what was joined, and what has been held back for `holdMs`. */
  due(now, holdMs) {
    if (this.#heldSince !== void 0 && now - this.#heldSince >= holdMs) {
      for (const [stream, { mask }] of this.#sources) this.#join(stream, mask.flush(true));
      this.#heldSince = void 0;
    }
    this.#postJoined();
    if (now - this.#lastWrite >= holdMs) this.#tellLeftOut();
  }
  end() {
    for (const [stream, source] of this.#sources) {
      this.#join(stream, source.mask.write(source.skips > 0 ? "" : source.decoder.end()) + source.mask.end());
    }
    this.#postJoined();
    this.#tellLeftOut();
    this.#heldSince = void 0;
  }
  #source(stream) {
    const known = this.#sources.get(stream);
    if (known) return known;
    const source = { decoder: new import_node_string_decoder.StringDecoder("utf8"), mask: this.masker.stream(), skips: 0 };
    this.#sources.set(stream, source);
    return source;
  }
  #isHolding() {
    for (const { mask } of this.#sources.values()) if (mask.isHolding) return true;
    return false;
  }
  /** Leaves out what is behind the room that there was. */
  #stop(stream, source, rest) {
    this.#join(stream, source.mask.end());
    this.#isFull = true;
    this.#leaveOut(stream, Buffer.byteLength(rest + source.decoder.end()));
    source.skips = SKIPPED_BYTES;
  }
  /** What is behind a gap: from the next line on. */
  #skip(stream, source, text4) {
    const line = text4.indexOf("\n") + 1;
    const skipped = line > 0 ? text4.slice(0, line) : text4;
    const bytes = Buffer.byteLength(skipped);
    this.#leaveOut(stream, bytes);
    source.skips = line > 0 ? 0 : Math.max(0, source.skips - bytes);
    return text4.slice(skipped.length);
  }
  #leaveOut(stream, bytes) {
    this.#leftOut += bytes;
    this.#leftOutOf = stream;
  }
  #tellLeftOut() {
    if (this.#leftOut === 0) return;
    this.#postJoined();
    const bytes = this.#leftOut;
    this.#leftOut = 0;
    const text4 = `... ${bytes.toLocaleString("en-US")} bytes of output left out
`;
    this.post(this.#leftOutOf, text4, { data: { leftOutBytes: bytes } });
  }
  #join(stream, text4) {
    if (text4 === "") return;
    if (this.#joinedOf !== stream) this.#postJoined();
    this.#joinedOf = stream;
    this.#joined += text4;
    if (this.#joined.length >= JOINED_CHARS) this.#postJoined();
  }
  #postJoined() {
    const text4 = this.#joined;
    this.#joined = "";
    for (const part of parts2(text4, EVENT_BYTES)) this.post(this.#joinedOf, part, {});
  }
};
function wholeLines(fits, text4) {
  if (fits.length === text4.length || fits.endsWith("\n")) return fits;
  const lines = fits.lastIndexOf("\n") + 1;
  return fits.length - lines < PART_OF_A_LINE ? fits.slice(0, lines) : fits;
}

// src/output/budget.ts
var RESUME_BYTES = 32768;
var OutputBudget = class {
  /** `now` in milliseconds. */
  constructor(bytesPerSec, burstBytes, now) {
    this.bytesPerSec = bytesPerSec;
    this.burstBytes = burstBytes;
    this.#bytes = burstBytes;
    this.#since = now;
  }
  bytesPerSec;
  burstBytes;
  #bytes;
  #since;
  /** Bytes that may be posted now. */
  at(now) {
    const filled = (now - this.#since) / 1e3 * this.bytesPerSec;
    if (filled >= 1) {
      this.#bytes = Math.min(this.burstBytes, this.#bytes + filled);
      this.#since = now;
    }
    return this.#bytes;
  }
  take(bytes) {
    this.#bytes -= bytes;
  }
  /** Whether there is so much room that it is worth to go on. */
  isRoomy(now) {
    return this.at(now) >= Math.min(RESUME_BYTES, this.burstBytes / 2);
  }
};

// src/output.ts
var JOIN_MS = 50;
var HOLD_MS = 1e3;
var MOST_CHANNELS = 256;
var Output = class {
  constructor(masker, emit, { bytesPerSec = 65536, burstBytes = 262144, clock = () => performance.now() } = {}) {
    this.masker = masker;
    this.emit = emit;
    this.#bytesPerSec = bytesPerSec;
    this.#burstBytes = burstBytes;
    this.#clock = clock;
  }
  masker;
  emit;
  #channels = /* @__PURE__ */ new Map();
  /** Those with something that is not posted. */
  #waiting = /* @__PURE__ */ new Set();
  #bytesPerSec;
  #burstBytes;
  #clock;
  #timer;
  /** Takes a piece of output; without a test it is the run's. */
  write(stream, chunk, testId, attempt) {
    if (chunk.length === 0) return;
    const channel = this.#channel(testId, attempt);
    channel.write(stream, chunk, this.#clock());
    if (channel.isWaiting) this.#wait(channel);
  }
  /** Posts what an attempt has written, before something else of it is: order is kept. */
  settle(testId, attempt) {
    if (this.#waiting.size > 0) this.#channels.get(keyOf2(testId, attempt))?.settle();
  }
  /** Posts everything of an attempt at a test that is over, or of the run. */
  flush(testId, attempt) {
    if (testId === void 0) {
      for (const key of [...this.#channels.keys()]) this.#end(key);
    } else {
      this.#end(keyOf2(testId, attempt));
    }
  }
  #channel(testId, attempt) {
    const key = keyOf2(testId, attempt);
    const known = this.#channels.get(key);
    if (known) return known;
    if (this.#channels.size >= MOST_CHANNELS) this.#end(this.#channels.keys().next().value);
    const budget = new OutputBudget(this.#bytesPerSec, this.#burstBytes, this.#clock());
    const of = testId === void 0 ? {} : { testId, attempt };
    const post = (stream, text4, more) => this.emit({ type: "log", ...of, stream, text: text4, ...more });
    const channel = new Channel(this.masker, budget, post);
    this.#channels.set(key, channel);
    return channel;
  }
  #end(key) {
    const channel = this.#channels.get(key);
    if (!channel) return;
    this.#channels.delete(key);
    this.#waiting.delete(channel);
    channel.end();
  }
  #wait(channel) {
    this.#waiting.add(channel);
    this.#timer ??= setTimeout(() => guarded("output", () => this.#due()), JOIN_MS).unref();
  }
  #due() {
    this.#timer = void 0;
    const now = this.#clock();
    for (const channel of [...this.#waiting]) {
      channel.due(now, HOLD_MS);
      if (channel.isWaiting) this.#wait(channel);
      else this.#waiting.delete(channel);
    }
  }
};
function keyOf2(testId, attempt) {
  return testId === void 0 ? "" : `${testId}
${attempt ?? 0}`;
}

// src/plan.ts
var PLAN_CHARS = 65536;
function* plans(tests, describe) {
  let part = [];
  let chars = 0;
  for (const test of tests) {
    const entry = planned(test, describe);
    const more = JSON.stringify(entry).length + 1;
    if (part.length > 0 && chars + more > PLAN_CHARS) {
      yield part;
      part = [];
      chars = 0;
    }
    part.push(entry);
    chars += more;
  }
  if (part.length > 0) yield part;
}
function planned(test, describe) {
  const project = test.parent.project()?.name;
  const { id: testId, location, tags } = test;
  return {
    testId,
    title: describe.title(test),
    file: describe.file(location.file),
    line: location.line,
    ...project && { project },
    ...tags.length > 0 && { tags }
  };
}

// src/settle.ts
var import_node_crypto5 = require("node:crypto");
var import_node_fs13 = require("node:fs");
var import_node_path14 = require("node:path");

// src/checks.ts
var text3 = (value) => typeof value === "string" && value.trim() !== "" ? void 0 : "write a text";
var flag = (value) => typeof value === "boolean" ? void 0 : "write true or false";
var texts = (value) => {
  const isRight = Array.isArray(value) && value.every((item) => typeof item === "string");
  return isRight ? void 0 : "write a list of texts: ['nightly']";
};
var oneOf = (...words) => (value) => words.includes(value) ? void 0 : `write ${words.map((word) => shown(word)).join(" or ")}`;
var amount = (unit, more, example) => (value) => typeof value === "number" && Number.isFinite(value) && more(value) ? void 0 : `write a number of ${unit}: ${example}`;
var CHECKS = {
  url: (value) => {
    const urls = Array.isArray(value) ? value : [value];
    if (urls.length === 0) return "write the server's address: 'https://runcast.example'";
    return urls.map(urlFault).find((fault) => fault !== void 0);
  },
  token: (value) => typeof value === "function" ? void 0 : tokenFault(value),
  run: (value) => typeof value === "function" ? void 0 : text3(value) && "write a text, or a function: (ci) => 'nightly'",
  enabled: oneOf(true, false, "ci"),
  variant: variantFault,
  steps: oneOf("all", "test.step", "none"),
  stdio: flag,
  attachments: (value) => typeof value === "function" ? void 0 : flag(value) && "write true, false, or a function",
  attachmentMaxMb: amount("MiB, 0 or more", (value) => value >= 0, 100),
  mask: maskFault,
  endTimeoutSecs: amount("seconds, 0 or more", (value) => value >= 0, 15),
  queueMb: amount("MiB, more than 0", (value) => value > 0, 16),
  printLink: oneOf("start", "both", false),
  github: flag,
  labels: texts,
  title: text3,
  project: text3
};
var MASK_CHECKS = {
  fill: oneOf("secret", "all", "none"),
  values: texts,
  patterns: (value) => Array.isArray(value) && value.every(isRegExp) ? void 0 : "write a list of RegExp: [/sk-\\w+/]",
  env: texts
};
var PLAYWRIGHTS = /* @__PURE__ */ new Set(["configDir", "onlyFailures"]);
function faults(options) {
  const found = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === void 0 || name.startsWith("_") || PLAYWRIGHTS.has(name)) continue;
    if (!Object.hasOwn(CHECKS, name)) {
      const meant = nearest(name, Object.keys(CHECKS));
      const hint = meant ? `did you mean \`${meant}\`?` : `the options are ${Object.keys(CHECKS).join(", ")}`;
      found.push({ name: meant === "mask" ? meant : void 0, message: `there is no option \`${name}\`: ${hint}` });
      continue;
    }
    const known = name;
    const wanted = CHECKS[known](value);
    if (wanted !== void 0)
      found.push({ name: known, message: `option \`${known}\`${given(known, value)}: ${wanted}` });
  }
  return found;
}
function urlFault(value) {
  if (typeof value !== "string" || value.trim() === "") return "write the server's address: 'https://runcast.example'";
  const url = value.trim();
  if (!/^https?:\/\//i.test(url)) {
    return `${shown(url)} is no address: write http:// or https:// before it: 'https://${url.replace(/^\w*:?\/+/, "")}'`;
  }
  if (!URL.canParse(url)) return `${shown(url)} is no address: write one like 'https://runcast.example'`;
  const { username, password } = new URL(url);
  if (username !== "" || password !== "") return "an address has no user or password here: use the option `token`";
  return void 0;
}
function tokenFault(value) {
  if (typeof value !== "string" || value.trim() === "") return "write a text";
  return /^[\x21-\x7e]+$/.test(value.trim()) ? void 0 : "a token has no spaces, line breaks or letters beyond ASCII";
}
function variantFault(value) {
  if (typeof value !== "string" || value.trim() === "") return "write a text: 'linux'";
  return value.length <= 128 ? void 0 : "write at most 128 characters";
}
function maskFault(value) {
  if (value === false) return void 0;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return "write an object, { fill: 'all' } for instance, or false";
  for (const [name, member2] of Object.entries(value)) {
    if (member2 === void 0) continue;
    const check = Object.hasOwn(MASK_CHECKS, name) ? MASK_CHECKS[name] : void 0;
    if (check === void 0) {
      const meant = nearest(name, Object.keys(MASK_CHECKS));
      return `it has no \`${name}\`: ${meant ? `did you mean \`${meant}\`?` : `write ${Object.keys(MASK_CHECKS).join(", ")}`}`;
    }
    const wanted = check(member2);
    if (wanted !== void 0) return `\`${name}\`: ${wanted}`;
  }
  return void 0;
}
function given(name, value) {
  if (name === "token" || name === "mask" || name === "url" && typeof value === "string") return "";
  return typeof value === "object" || typeof value === "function" ? "" : ` is ${shown(value)}`;
}
function shown(value) {
  return typeof value === "string" ? `'${value.slice(0, 100)}'` : String(value);
}
function isRegExp(value) {
  return Object.prototype.toString.call(value) === "[object RegExp]";
}
function nearest(name, names) {
  const wanted = name.toLowerCase();
  const near = names.map((known) => ({ known, far: distance(wanted, known.toLowerCase()) })).sort((a, b) => a.far - b.far)[0];
  return near !== void 0 && near.far <= Math.max(1, Math.floor(near.known.length / 3)) ? near.known : void 0;
}
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced2 = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced2, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}

// src/settle.ts
var MiB4 = 1024 * 1024;
var SYSTEMS = { darwin: "macos", win32: "windows" };
function settle(options, env, around = {}) {
  const { args = process.argv.slice(2), platform = process.platform, now = /* @__PURE__ */ new Date() } = around;
  const warn = around.warn ?? ((message) => warnOnce(message, message));
  if (options._mode !== void 0 && options._mode !== "test") return void 0;
  const fromEnv = (name) => env[name]?.trim() || void 0;
  if (options.url === void 0 && fromEnv("RUNCAST_URL") === void 0) return void 0;
  const wrong = /* @__PURE__ */ new Set();
  const messages = [];
  for (const { name, message } of faults(options)) {
    if (name !== void 0) wrong.add(name);
    messages.push(message + (name === void 0 ? "" : OUTCOMES[name] ?? "; it is left out"));
  }
  const option = (name) => wrong.has(name) ? void 0 : options[name];
  const checked2 = (name, fault, outcome = "; it is left out") => {
    const value = fromEnv(name);
    const wanted2 = value === void 0 ? void 0 : fault(value);
    if (wanted2 !== void 0) messages.push(`${name}: ${wanted2}${outcome}`);
    return wanted2 === void 0 ? value : void 0;
  };
  const enabled = wrong.has("enabled") ? void 0 : options.enabled ?? enabledBy(checked2("RUNCAST_ENABLED", enabledFault));
  const isCi = fromEnv("CI") !== void 0 && !/^(0|false)$/i.test(env["CI"] ?? "");
  if (enabled === false || enabled === "ci" && !isCi || enabled !== true && isEditor(options, env, args))
    return void 0;
  const tell2 = () => messages.forEach((message) => warn(message));
  const url = option("url") ?? (wrong.has("url") ? void 0 : checked2("RUNCAST_URL", urlsFault, OUTCOMES.url)?.split(","));
  if (url === void 0 || wrong.has("mask")) return void tell2();
  const ci = ciOf(env);
  const configDir = options.configDir ?? process.cwd();
  const wanted = wrong.has("run") ? void 0 : runOf(options.run, ci, messages);
  const sharedId = wanted ?? checked2("RUNCAST_RUN", runFault) ?? ci.runId;
  const urls = (Array.isArray(url) ? url : [url]).map((each) => each.trim().replace(/\/+$/, ""));
  const token = option("token") ?? checked2("RUNCAST_TOKEN", tokenFault) ?? buildToken(urls, env);
  const variant = checked2("RUNCAST_VARIANT", variantFault) ?? option("variant") ?? SYSTEMS[platform] ?? platform;
  const settings = {
    url: urls,
    token: typeof token === "string" ? token.trim() : token,
    runId: sharedId ?? localId(now),
    isSharedRun: sharedId !== void 0,
    producer: (0, import_node_crypto5.randomUUID)(),
    variant: variant.trim(),
    ci,
    steps: option("steps") ?? "all",
    stdio: option("stdio") ?? !wrong.has("stdio"),
    attachments: option("attachments") ?? !wrong.has("attachments"),
    attachmentMaxBytes: (option("attachmentMaxMb") ?? 100) * MiB4,
    mask: option("mask") ?? {},
    endTimeoutMs: (option("endTimeoutSecs") ?? 15) * 1e3,
    queueBytes: (option("queueMb") ?? 16) * MiB4,
    printLink: option("printLink") ?? "start",
    github: option("github"),
    meta: metaOf(option, ci, configDir),
    configDir
  };
  tell2();
  return settings;
}
var OUTCOMES = {
  url: "; nothing is posted",
  mask: "; nothing is posted, since secrets might be in it",
  attachments: "; no attachment is uploaded",
  stdio: "; no output is posted"
};
function isEditor(options, env, args) {
  return options._isTestServer === true || args[0] === "test-server" || args.some((arg) => /^--ui(-host|-port)?(=|$)/.test(arg)) || env["PW_TEST_REPORTER_WS_ENDPOINT"] !== void 0;
}
function enabledBy(value) {
  if (value === void 0) return void 0;
  return value === "ci" ? "ci" : /^(1|true|yes|on)$/i.test(value);
}
function enabledFault(value) {
  return /^(1|true|yes|on|0|false|no|off|ci)$/i.test(value) ? void 0 : "write 1, 0 or ci";
}
function urlsFault(value) {
  return value.split(",").map(urlFault).find((fault) => fault !== void 0);
}
function runFault(value) {
  if (typeof value === "string" && isRunId(value)) return void 0;
  const isText = typeof value === "string";
  const fit = isText ? fitRunId(value) : "";
  const rule = "an id has 1 to 128 of A-Z a-z 0-9 . _ : - and begins with a letter or digit";
  const said = isText ? `'${value.slice(0, 140)}' can't be` : "that is not";
  return `${said} the id of a run: ${rule}${fit && `: write '${fit}'`}`;
}
function runOf(run, ci, messages) {
  if (run === void 0) return void 0;
  let id;
  try {
    id = typeof run === "function" ? run(ci) : run;
  } catch (error) {
    const thrown = String(error).slice(0, 200);
    messages.push(`option \`run\`: the function threw ${thrown}: write one that returns an id; it is left out`);
    return void 0;
  }
  const fault = runFault(id);
  if (fault !== void 0) messages.push(`option \`run\`: ${fault}; it is left out`);
  return fault === void 0 ? id : void 0;
}
function localId(now) {
  const two = (value) => String(value).padStart(2, "0");
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return `local-${date}-${time}-${(0, import_node_crypto5.randomBytes)(2).toString("hex")}`;
}
function metaOf(option, ci, configDir) {
  const { number, author, url: ciUrl } = ci;
  const title = option("title") ?? ci.title;
  const project = option("project") ?? ci.project ?? packageName(configDir);
  const labels = [.../* @__PURE__ */ new Set([...option("labels") ?? [], ...ci.labels ?? []])].slice(0, 20);
  const git = ci.commit !== void 0 && ci.branch !== void 0 ? {} : stateOf(configDir);
  const { branch = git.branch, commit = git.commit } = ci;
  const meta = {
    project,
    number,
    title,
    branch,
    commit,
    author,
    ciUrl,
    labels: labels.length > 0 ? labels : void 0
  };
  return Object.fromEntries(Object.entries(meta).filter(([, value]) => value !== void 0));
}
function stateOf(dir) {
  try {
    return gitState(dir);
  } catch {
    return {};
  }
}
function packageName(dir) {
  for (let at = dir; ; at = (0, import_node_path14.dirname)(at)) {
    try {
      const { name } = JSON.parse((0, import_node_fs13.readFileSync)((0, import_node_path14.join)(at, "package.json"), "utf8"));
      if (typeof name === "string" && name !== "") return name;
    } catch {
    }
    if ((0, import_node_path14.dirname)(at) === at) return void 0;
  }
}

// src/recording.ts
var SLOTS2 = 1e3;
function record(options, env) {
  const settings = settle(options, env);
  return settings && new Recording(settings, env);
}
var Recording = class {
  #settings;
  #terminal;
  #publisher;
  #masker;
  #describe;
  #attempts;
  #output;
  #attachments;
  #commands = new Commands2();
  #end;
  #env;
  #hasBegunTests = false;
  #hasJoined = false;
  #hasEnded = false;
  /** Playwright has ended the run. Behind a global timeout it may still tell how tests ended. */
  #isOver = false;
  constructor(settings, env) {
    this.#settings = settings;
    this.#env = env;
    this.#masker = new Masker(settings.mask, env, ownSecrets(settings, env));
    this.#terminal = new Terminal(settings, env, this.#masker);
    const token = maskedToken(settings.token, this.#masker);
    const run = connect({ url: settings.url, token }).run(settings.runId);
    this.#publisher = run.publish({
      producer: settings.producer,
      variant: settings.variant,
      queueBytes: settings.queueBytes,
      closeTimeoutMs: settings.endTimeoutMs,
      spillFile: () => kept(this.#terminal.spillFile),
      commands: true,
      onCommand: (command3) => this.#commands.obey(this.#publisher, command3),
      onHints: (hints) => this.#terminal.hints(hints),
      onError: (problem) => this.#terminal.problem(problem, this.#publisher.stats)
    });
    const emit = (event) => this.#post(event);
    this.#describe = new Descriptions(settings.configDir, this.#masker);
    this.#attachments = new Attachments(run, settings, this.#terminal, this.#masker);
    this.#attempts = new Attempts(settings, this.#describe, this.#masker, this.#attachments, emit);
    this.#output = new Output(this.#masker, emit);
    this.#end = new End(this.#publisher, this.#attachments, this.#terminal, settings, () => this.#interrupt());
    this.#terminal.link();
    this.#emit("run_status", { status: "queued", data: { meta: settings.meta } });
  }
  begin(config, suite) {
    this.#describe.rootDir = config.rootDir;
    this.#settings.meta = { ...capturedCommit(config.metadata), ...this.#settings.meta };
    this.#masker.environment(this.#env);
    const tests = suite.allTests();
    const workers = workersOf(config);
    this.#join(config, workers);
    const data = { total: tests.length, workers, meta: this.#settings.meta };
    this.#emit("run_status", { status: "running", data });
    for (const plan of plans(tests, this.#describe)) this.#emit("test_plan", { tests: plan });
    this.#terminal.begin(config, suite);
  }
  testBegin(test, result) {
    if (!this.#hasBegunTests) this.#masker.environment(this.#env);
    this.#hasBegunTests = true;
    this.#attempts.begin(test, result);
  }
  stepBegin(test, result, step) {
    this.#output.settle(test.id, result.retry);
    this.#attempts.stepBegin(test, result, step);
  }
  stepEnd(test, result, step) {
    this.#output.settle(test.id, result.retry);
    this.#attempts.stepEnd(test, result, step);
  }
  output(stream, chunk, test, result) {
    if (this.#settings.stdio) this.#output.write(stream, chunk, test?.id, result?.retry);
  }
  testEnd(test, result) {
    this.#output.flush(test.id, result.retry);
    this.#attempts.end(test, result);
  }
  error(error) {
    this.#emit("error", { error: this.#describe.error(error) });
    this.#terminal.error(error);
  }
  end(result) {
    const isCancelled = result.status === "interrupted" && this.#commands.isCancelled;
    this.#close(isCancelled ? "cancelled" : result.status, Math.round(result.duration));
    this.#isOver = true;
    this.#end.begin();
  }
  exit() {
    this.#interrupt();
    return this.#end.finish();
  }
  /** The run ends without Playwright's `onEnd`, unless it has ended. */
  #interrupt() {
    if (!this.#hasEnded) this.#close("interrupted");
  }
  /** Ends what is open, and says how the run ended. */
  #close(status, durationMs) {
    this.#hasEnded = true;
    this.#output.flush();
    this.#attempts.endAll("interrupted");
    const rerun = guarded("onEnd", () => this.#terminal.over(status));
    if (rerun !== void 0) this.#emit("log", { stream: "stderr", text: `${rerun}
` });
    this.#emit("run_status", { status, ...durationMs !== void 0 && { data: { durationMs } } });
    if (this.#hasJoined) this.#emit("worker", { state: "left" });
  }
  #join({ shard }, workers) {
    if (this.#hasJoined) return;
    this.#hasJoined = true;
    const slots = Math.min(SLOTS2, Math.max(1, workers));
    this.#emit("worker", { state: "joined", can: ["cancel"], slots, ...shard && { shard } });
  }
  #emit(type, members) {
    this.#post({ type, ...members });
  }
  #post(event) {
    if (!this.#isOver && !this.#end.isOver) void this.#publisher.emit(event);
  }
};
function ownSecrets({ token }, env) {
  const given2 = typeof token === "string" ? token : void 0;
  return [given2, env["RUNCAST_JWT"]?.trim(), env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]];
}
function maskedToken(token, masker) {
  if (typeof token !== "function") return token;
  const fetchToken = async (refused) => {
    const answer = await token(refused);
    const value = typeof answer === "object" ? answer.token : answer;
    if (value !== void 0) masker.own(value);
    return answer;
  };
  return Object.assign(fetchToken, { renew: () => token.renew?.() });
}
function workersOf({ metadata, workers }) {
  const actual = metadata["actualWorkers"];
  return typeof actual === "number" ? actual : workers;
}

// src/index.ts
var RuncastReporter = class {
  #recording;
  constructor(options = {}) {
    this.#recording = guarded("constructor", () => record(options, process.env));
  }
  /** Something else draws the terminal. */
  printsToStdio() {
    return false;
  }
  onBegin(config, suite) {
    guarded("onBegin", () => this.#recording?.begin(config, suite));
  }
  onTestBegin(test, result) {
    guarded("onTestBegin", () => this.#recording?.testBegin(test, result));
  }
  onStepBegin(test, result, step) {
    guarded("onStepBegin", () => this.#recording?.stepBegin(test, result, step));
  }
  onStepEnd(test, result, step) {
    guarded("onStepEnd", () => this.#recording?.stepEnd(test, result, step));
  }
  onStdOut(chunk, test, result) {
    guarded("onStdOut", () => this.#recording?.output("stdout", chunk, test, result));
  }
  onStdErr(chunk, test, result) {
    guarded("onStdErr", () => this.#recording?.output("stderr", chunk, test, result));
  }
  onTestEnd(test, result) {
    guarded("onTestEnd", () => this.#recording?.testEnd(test, result));
  }
  onError(error) {
    guarded("onError", () => this.#recording?.error(error));
  }
  async onEnd(result) {
    await guarded("onEnd", () => this.#recording?.end(result));
  }
  async onExit() {
    await guarded("onExit", () => this.#recording?.exit());
  }
};
module.exports = Object.assign(module.exports.default, module.exports);
