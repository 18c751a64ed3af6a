// Stands in front of Playwright's service worker, in the same script.
//
// That worker answers for us with what somebody uploaded: snapshots of pages as documents, files of a trace as they are.
// It filters scripts out of snapshots, but a trace that was made by hand gets markup past the filter (names of attributes
// are not checked) and from there to a file of the trace as a page of its own, without any policy. So every answer that the
// worker makes itself leaves it with a policy under which nothing but the viewer's own script, known by its nonce, runs.
"use strict";
{
  const scope = new URL(self.registration.scope);
  const SNAPSHOTS = scope.href + "snapshot/";

  // In frames only. It keeps our origin, or the worker would not be asked for the images and styles of the trace, and the
  // viewer could not highlight an element. Playwright's own policy, which names the nonce, holds besides; where there is
  // none, nothing runs at all.
  const OF_SNAPSHOTS = "sandbox allow-same-origin allow-scripts; form-action 'none'; connect-src 'none'; worker-src 'none'; "
    + `frame-src ${SNAPSHOTS} data:`;
  const NONCE = /^script-src 'nonce-[0-9a-f]{32}';/;
  const OF_FILES = "sandbox; default-src 'none'";

  // The only traces that are opened: what the server lists as an artifact of a run. Where it sends us from there is its word.
  const TRACE = /^\/api\/(runs|tests)\/[^/]+\/artifacts\/[^/]+\/download(\?redirect=1)?$/;
  const isOurs = (trace) => {
    const url = URL.canParse(trace, scope) ? new URL(trace, scope) : null;
    return url?.origin === scope.origin && TRACE.test(url.pathname + url.search);
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
