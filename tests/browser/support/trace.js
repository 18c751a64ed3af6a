// A trace as Playwright writes them, of one action, with what the test puts into it.

import { png } from "./png.js";
import { zip } from "./zip.js";

const PAGE = "page@1", FRAME = "frame@1", START = 1795454151787; // milliseconds since 1970

export const CALL = "call@1"; // the action

// A resource of the recorded page, with its content in `file`.
function resource(url, mimeType, file) {
  const request = { method: "GET", url, httpVersion: "HTTP/1.1", cookies: [], headers: [], queryString: [], headersSize: -1, bodySize: 0 };
  const content = { size: -1, mimeType, _file: file };
  const response = {
    status: 200, statusText: "OK", httpVersion: "HTTP/1.1", cookies: [], headers: [], content, headersSize: -1, bodySize: -1, redirectURL: "",
  };
  const timings = { send: 0, wait: 1, receive: 1, dns: -1, connect: -1, ssl: -1 };
  const snapshot = {
    _frameref: FRAME, pageref: PAGE, _monotonicTime: 1.005, startedDateTime: new Date(START).toISOString(), time: 2, request, response, cache: {}, timings,
  };
  return { type: "resource-snapshot", snapshot };
}

// `head` and `body`: nodes of the snapshot, each [tag, attributes, ...children] or a text. `files`: further entries.
// `attachments`: of the action.
export function trace({ title = "a test", head = [], body, styles = "", files = {}, attachments = [] }) {
  const html = ["HTML", {}, ["HEAD", {}, ["LINK", { rel: "stylesheet", href: "http://shop.test/app.css" }], ...head], ["BODY", {}, ...body]];
  const events = [
    {
      version: 10, type: "context-options", origin: "library", browserName: "chromium", playwrightVersion: "1.65.1", platform: "linux",
      options: { viewport: { width: 640, height: 360 } }, wallTime: START, monotonicTime: 1000, sdkLanguage: "javascript", title,
    },
    { type: "event", time: 1001, class: "BrowserContext", method: "page", params: { pageId: PAGE } },
    { type: "before", callId: CALL, startTime: 1010, class: "Frame", method: "goto", params: { url: "http://shop.test/" }, pageId: PAGE },
    {
      type: "frame-snapshot",
      snapshot: {
        callId: CALL, phase: "after", pageId: PAGE, frameId: FRAME, frameUrl: "http://shop.test/", doctype: "html", html, isMainFrame: true,
        viewport: { width: 640, height: 360 }, timestamp: 1018, wallTime: START + 18, collectionTime: 1, resourceOverrides: [],
      },
    },
    { type: "screencast-frame", pageId: PAGE, file: "screencast/1.png", width: 320, height: 180, timestamp: 1019, frameSwapWallTime: START + 19 },
    { type: "after", callId: CALL, endTime: 1020, attachments },
    { type: "console", time: 1019, pageId: PAGE, messageType: "error", text: "\u001b[31mred\u001b[0m", args: [], location: { url: "", lineNumber: 0, columnNumber: 0 } },
  ];
  const lines = (list) => list.map((event) => JSON.stringify(event)).join("\n");
  return zip({
    "1-trace.trace": lines(events),
    "1-trace.network": lines([resource("http://shop.test/app.css", "text/css", "app.css")]),
    "app.css": styles,
    "screencast/1.png": png(320, 180),
    ...files,
  });
}
