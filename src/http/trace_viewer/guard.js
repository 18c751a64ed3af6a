// Code that runs before Playwright's service worker, in the same script.
//
// That worker answers requests to our origin with uploaded content: snapshots of pages as documents, and files of a
// trace unchanged. It filters scripts out of snapshots, but a forged trace gets markup past the filter (attribute names
// are not checked), and from there to a file of the trace as a page of its own, without any policy. So every response
// that the worker makes itself gets a policy under which only the viewer's own script runs, identified by its nonce.
"use strict";
{
  const scope = new URL(self.registration.scope);
  const SNAPSHOTS = scope.href + "snapshot/";

  // For frames. The snapshot keeps our origin; otherwise the worker would not be asked for the trace's images and
  // styles, and the viewer could not highlight an element. Playwright's own policy, which names the nonce, applies as
  // well; without it, no script runs.
  const OF_SNAPSHOTS = "sandbox allow-same-origin allow-scripts; form-action 'none'; connect-src 'none'; worker-src 'none'; "
    + `frame-src ${SNAPSHOTS} data:`;
  const NONCE = /^script-src 'nonce-[0-9a-f]{32}';/;
  const OF_FILES = "sandbox; default-src 'none'";

  // Only traces that the server lists as an artifact of a run are opened. The server's redirects from there are
  // trusted. The viewer of a live trace opens that one and no other.
  const ARTIFACT = /^\/api\/(runs|tests)\/[^/]+\/artifacts\/[^/]+\/download(\?redirect=1)?$/;
  const LIVE = /^(\/live-traces\/[^/]+\/[^/]+\/)v\/$/.exec(scope.pathname);
  const isOurs = (trace) => {
    const url = URL.canParse(trace, scope) ? new URL(trace, scope) : null;
    if (url?.origin !== scope.origin) return false;
    const path = url.pathname + url.search;
    if (LIVE === null) return ARTIFACT.test(path);
    return path.startsWith(LIVE[1]) && /^\d{1,20}\/traces\.dir$/.test(path.slice(LIVE[1].length));
  };

  const refusal = (status, error) => Response.json({ error }, { status });

  const confine = (request, response) => {
    if (response.type !== "default") return response; // the server's, with the server's headers
    const isSnapshot = request.url.startsWith(SNAPSHOTS);
    const isShown = request.mode === "navigate" && !response.headers.has("Content-Disposition");
    if (isShown && (!isSnapshot || request.destination === "document")) {
      return refusal(403, "What is in a trace is shown in the trace viewer only.");
    }
    const theirs = response.headers.get("Content-Security-Policy") ?? "";
    const ours = !isSnapshot ? OF_FILES : NONCE.test(theirs) ? OF_SNAPSHOTS : OF_SNAPSHOTS + "; script-src 'none'";
    response.headers.append("Content-Security-Policy", ours);
    return response;
  };

  const respondWith = FetchEvent.prototype.respondWith;
  FetchEvent.prototype.respondWith = function (answer) {
    respondWith.call(this, Promise.resolve(answer).then((response) => confine(this.request, response)));
  };

  self.addEventListener("fetch", (event) => {
    const url = new URL(event.request.url);
    const trace = url.href.startsWith(scope.href) ? url.searchParams.get("trace") : null;
    const isPage = event.request.mode === "navigate" && !/^(snapshot|file)\//.test(url.href.slice(scope.href.length));
    if (trace === null || isPage || isOurs(trace)) return;
    event.stopImmediatePropagation();
    event.respondWith(refusal(400, "Only traces of this server's runs are opened here."));
  });
}
