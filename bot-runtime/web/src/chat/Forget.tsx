import { Ask, useAsking } from "../page/Ask";
import type { Actions } from "./talk";
import type { Texts } from "./text";

// Forget is for computers that others use too.
export function Forget({ actions, text }: { actions: Actions; text: Texts }) {
  const { asking, setAsking, button } = useAsking();
  const answer = (yes: boolean) => {
    setAsking(false);
    if (!yes) return;
    actions.startOver();
    document.getElementById("say")?.focus();
  };
  if (asking) return <Ask question={text.forgetAsk} yes={text.forgetYes} no={text.forgetNo} answer={answer} />;
  return (
    <button type="button" class="button plain forget" ref={button} onClick={() => setAsking(true)}>
      {text.forget}
    </button>
  );
}
