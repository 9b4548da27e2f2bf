import { useEffect, useRef, useState } from "preact/hooks";

import { pick } from "../page/language";
import { Languages } from "../page/Languages";
import { Mark } from "../page/Mark";
import type { Actions, Counter } from "./counter";
import type { Texts } from "./text";

// SignIn asks who you are. The password stays in the field and goes nowhere else.
export function SignIn({ actions, counter, text }: { actions: Actions; counter: Counter; text: Texts }) {
  const [agent, setAgent] = useState("");
  const [password, setPassword] = useState("");
  const first = useRef<HTMLInputElement>(null);
  const title = pick(counter.about?.title, counter.language) || counter.about?.pool || text.title;

  useEffect(() => first.current?.focus(), []);
  useEffect(() => {
    document.title = `${text.signIn} · ${title}`;
  }, [text, title]);

  return (
    <main class="signin">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void actions.signIn(agent.trim(), password);
        }}
      >
        <Mark />
        <h1 dir="auto">{title}</h1>
        <p class="lead">{text.signInTo}</p>
        <label for="agent">{text.agent}</label>
        <input
          id="agent"
          ref={first}
          class="field"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
          maxLength={63}
          value={agent}
          onInput={(event) => setAgent(event.currentTarget.value)}
        />
        <label for="password">{text.password}</label>
        <input
          id="password"
          class="field"
          type="password"
          autocomplete="current-password"
          required
          maxLength={256}
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
        <p class="notice" role="alert">
          {counter.notice ? text[counter.notice] : ""}
        </p>
        <button type="submit" class="button strong" disabled={counter.signingIn}>
          {counter.signingIn ? text.signingIn : text.signIn}
        </button>
        <Languages label={text.language} languages={counter.languages} language={counter.language} choose={(l) => actions.speak(l)} />
      </form>
    </main>
  );
}
