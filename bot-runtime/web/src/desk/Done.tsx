import { useState } from "preact/hooks";

import { Ask, useAsking } from "../page/Ask";
import type { TextKey, Texts } from "./text";

interface Props {
  name: string;
  // losses are what closing now would leave undone; none closes at once.
  losses: string[];
  // close says why it did not happen, or null.
  close: () => Promise<TextKey | null>;
  text: Texts;
}

// Done closes a conversation, and asks first where something would be lost.
export function Done({ name, losses, close, text }: Props) {
  const { asking, setAsking, button } = useAsking();
  const [problem, setProblem] = useState<TextKey | null>(null);
  const closeNow = () => {
    setProblem(null);
    void close().then(setProblem);
  };
  return (
    <>
      <button
        type="button"
        class="button"
        ref={button}
        aria-label={`${text.close}: ${text.closeWith} ${name}`}
        disabled={asking}
        onClick={() => (losses.length > 0 ? setAsking(true) : closeNow())}
      >
        {text.close}
      </button>
      {problem && (
        <p class="stays" role="alert">
          {text[problem]}
        </p>
      )}
      {asking && (
        <Ask
          question={losses.join(" ")}
          yes={text.closeAnyway}
          no={text.cancel}
          answer={(yes) => {
            setAsking(false);
            if (yes) closeNow();
          }}
        />
      )}
    </>
  );
}
