import { render } from "preact";

import "../page/base.css";
import "./desk.css";
import { keepIn } from "../page/keep";
import { apiAt } from "./api";
import { Actions } from "./counter";
import { Console } from "./Console";

// The page is at /desk/<pool>/ and its API beside it.
const base = new URL("api/", location.href).pathname;
const prefix = `loket${base}`;
const actions = new Actions(
  apiAt(base),
  keepIn(() => sessionStorage, prefix),
  keepIn(() => localStorage, prefix),
);

const page = document.getElementById("page");
if (page) render(<Console actions={actions} />, page);
void actions.open();
