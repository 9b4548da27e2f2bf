// Why a message failed, in words that tell an agent what to do. The platform's own words stay at hand.

import type { DeadLetter } from "./api";
import type { TextKey } from "./text";

const accounts = [0, 3, 10, 190, 368, 130497, 131005, 131031, 131037, 131045, 131048, 133005, 133006, 133008, 133009, 133010, 133015, 133016];

const byCode = new Map<number, TextKey>([
  ...[131026, 131021, 131030, 131060, 131062].map((code) => [code, "whyUnreachable"] as const),
  [131047, "whyWindow"],
  [131049, "whyHeld"],
  [131050, "whyStopped"],
  ...[4, 80007, 130429, 131056].map((code) => [code, "whyTooFast"] as const),
  [131042, "whyPayment"],
  ...accounts.map((code) => [code, "whyAccount"] as const),
  ...[1, 2, 131000, 131016, 131057, 133004].map((code) => [code, "whyTrouble"] as const),
]);

// whyOf reads the store's reason: "<platform's code>: <its words>", or our own words alone.
export function whyOf(reason: string): TextKey {
  const code = Number(/^(\d{1,6}):/.exec(reason)?.[1] ?? NaN);
  if (code >= 200 && code <= 299) return "whyAccount";
  if (reason.startsWith("expired:")) return "whyWindow";
  return byCode.get(code) ?? "whyOther";
}

// whyDead says why somebody must decide about a dead letter.
export function whyDead({ what, reason }: DeadLetter): TextKey {
  if (reason.startsWith("the database was restored")) return "whyRestored";
  if (what === "send") return whyOf(reason);
  return reason.startsWith("it was not tried again") ? "whyDied" : "whyTried";
}
