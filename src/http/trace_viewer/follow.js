// Runs before Playwright's viewer on the page of a live trace. It stands between the viewer and its socket: connects
// again when the connection is lost, holds updates back while they are not wanted, and says how the trace is doing.
"use strict";
{
  const Plain = window.WebSocket;
  const FINAL = [1000, 1002, 1003, 1007, 1008, 1009, 4401, 4403, 4410]; // close codes after which nothing comes any more
  const FIRST_MS = 250, LONGEST_MS = 10000; // pauses before the next attempt

  const bar = document.createElement("div"), box = document.createElement("input"), text = document.createElement("span");
  const label = document.createElement("label");
  bar.id = "runcast-live";
  bar.style.cssText = "position:fixed;right:12px;bottom:8px;z-index:1000;padding:3px 10px;border:1px solid GrayText;border-radius:6px;"
    + "background:Canvas;color:CanvasText;color-scheme:light dark;font:12px system-ui,sans-serif;display:flex;gap:10px;align-items:center";
  box.type = "checkbox";
  box.checked = true;
  label.style.cssText = "display:flex;gap:4px;align-items:center;cursor:pointer";
  label.title = "An update shows the newest action. Without it the page stays as it is.";
  label.append(box, "Follow");
  text.setAttribute("role", "status");
  bar.append(text, label);
  document.addEventListener("DOMContentLoaded", () => document.body.append(bar));

  let trace = null, connected = false, ended = null, held = null, deliver = () => {};
  const size = (bytes) => bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  const tell = () => {
    const now = ended ?? (connected ? null : "Connecting …");
    const of = trace === null ? "Waiting for the trace" : size(trace.bytes);
    const state = trace?.full ? `stopped: larger than ${size(trace.maxBytes)}` : held !== null ? "there is more" : "live";
    text.textContent = now ?? (trace === null ? of : `${of}, ${state}`);
  };
  box.addEventListener("change", () => {
    if (box.checked && held !== null) deliver(held);
    tell();
  });

  window.WebSocket = class extends EventTarget {
    #url;
    #socket = null;
    #first = null; // what the viewer has said first: it is said again on each connection
    #attempts = 0;
    #closed = false;

    constructor(url) {
      super();
      this.#url = url;
      deliver = (data) => {
        held = null;
        this.dispatchEvent(new MessageEvent("message", { data }));
      };
      this.#connect();
    }

    #connect() {
      const socket = this.#socket = new Plain(this.#url);
      socket.addEventListener("open", () => {
        connected = true;
        if (this.#first !== null) socket.send(this.#first);
        else this.dispatchEvent(new Event("open"));
        tell();
      });
      socket.addEventListener("message", ({ data }) => this.#take(data));
      socket.addEventListener("close", ({ code }) => this.#lost(code));
      tell();
    }

    #take(data) {
      this.#attempts = 0;
      const { method, params } = JSON.parse(data);
      if (method === "liveTrace") trace = params;
      else if (method !== "loadTraceRequested" || box.checked) deliver(data);
      else held = data;
      tell();
    }

    #lost(code) {
      connected = false;
      if (this.#closed || FINAL.includes(code)) {
        ended = code === 4410 ? "The trace is gone; what was loaded stays" : "No more updates";
        this.dispatchEvent(new CloseEvent("close", { code }));
      } else {
        const most = Math.min(FIRST_MS * 2 ** this.#attempts++, LONGEST_MS);
        setTimeout(() => this.#connect(), Math.random() * most);
      }
      tell();
    }

    send(data) {
      this.#first ??= data;
      if (this.#socket.readyState === Plain.OPEN) this.#socket.send(data);
    }

    close() {
      this.#closed = true;
      this.#socket.close();
    }
  };
}
