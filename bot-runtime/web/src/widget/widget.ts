// The script that an agency writes into its site:
//
//   <script src="https://<host>/chat/<channel>/widget.js" data-language="id" async></script>
//
// It adds one round button; the chat itself is our page in a frame, loaded at the first click, so that the site's scripts
// cannot read the conversation and the site's styles cannot spoil it. It is a classic script: one function, no imports.
(() => {
  const script = document.currentScript;
  if (!(script instanceof HTMLScriptElement)) return;
  const page = new URL("./", script.src);
  const language = script.dataset["language"] ?? (document.documentElement.lang.slice(0, 2) || "id");
  const words =
    language === "en" ? { open: "Open the chat", close: "Close the chat", frame: "Chat" } : { open: "Buka obrolan", close: "Tutup obrolan", frame: "Obrolan" };

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet(); // not an element: the site's policy against inline styles does not matter
  style.replaceSync(`
    :host { all: initial; position: fixed; inset: auto 20px 20px auto; z-index: 2147483000; font-family: system-ui, sans-serif; }
    button { display: block; width: 60px; height: 60px; margin: 0 0 0 auto; padding: 0; border: 2px solid #fff; border-radius: 50%;
      background: #0f4c5c; cursor: pointer; box-shadow: 0 4px 16px rgb(0 0 0 / 30%); position: relative; }
    button:hover { background: #0a3844; }
    button:focus-visible { outline: 3px solid #0f4c5c; outline-offset: 3px; }
    svg { display: block; margin: auto; fill: none; stroke: #fff; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    button[data-news]::after { content: ""; position: absolute; inset: -2px -2px auto auto; width: 16px; height: 16px; border-radius: 50%;
      background: #b3261e; border: 2px solid #fff; }
    iframe { display: block; width: min(400px, calc(100vw - 40px)); height: min(640px, calc(100dvh - 120px)); margin: 0 0 12px;
      border: 0; border-radius: 16px; box-shadow: 0 8px 40px rgb(0 0 0 / 30%); background: #fff; color-scheme: normal; }
    iframe[hidden] { display: none; }
  `);
  root.adoptedStyleSheets = [style];

  const button = document.createElement("button");
  button.type = "button";
  button.append(drawing());
  const frame = document.createElement("iframe");
  frame.title = words.frame;
  frame.hidden = true;
  frame.referrerPolicy = "origin";
  root.append(frame, button);
  show(false);

  button.addEventListener("click", () => show(frame.hidden !== false));
  window.addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || event.origin !== page.origin) return;
    if (event.data === "loket:close") {
      show(false);
      button.focus();
    }
    if (event.data === "loket:spoke" && frame.hidden) button.dataset["news"] = "";
  });

  function show(open: boolean) {
    if (open && !frame.src) frame.src = new URL(`?language=${encodeURIComponent(language)}`, page).href;
    frame.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    button.setAttribute("aria-label", open ? words.close : words.open);
    if (!open) return;
    delete button.dataset["news"];
    frame.focus();
  }

  function drawing(): SVGElement {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("width", "28");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", "M4 6a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7l-5 4v-4a2 2 0 0 1-2-2zM8 8.5h8M8 12h5");
    svg.append(path);
    return svg;
  }

  const place = () => document.body.append(host);
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place);
})();
