import { render } from "preact";

import "../page/base.css";
import "./chat.css";
import { keepIn } from "../page/keep";
import { apiAt } from "./api";
import { Chat } from "./Chat";
import { type FrameWord, frameWords } from "./frame";
import { Actions } from "./talk";

// The page is at /chat/<channel>/ and its API beside it. In the widget it runs in a frame and tells the widget's script when
// somebody spoke and when to close: single words, nothing of the conversation, so that any embedding page may hear them.
const base = new URL("api/", location.href).pathname;
const framed = window.parent !== window;
const tell = (word: FrameWord) => {
  if (framed) window.parent.postMessage(word, "*");
};
const actions = new Actions(
  apiAt(base),
  keepIn(() => localStorage, `loket${base}`),
  () => tell(frameWords.spoke),
);

const page = document.getElementById("page");
if (page) render(<Chat actions={actions} leave={framed ? () => tell(frameWords.close) : null} />, page);
void actions.open(new URLSearchParams(location.search).get("language"));
