// Who waits for a reply, since when, and what happened before the hand-off. Pure.

import type { Conversation, Message } from "./api";

// waitsSince is when the citizen began to wait for a person's word: the first message that no agent has answered, or the
// hand-off where no agent has spoken since. Null when the agent had the last word.
export function waitsSince(conversation: Conversation, justReplied: boolean): number | null {
  if (justReplied) return null;
  const since = Date.parse(conversation.queuedAt);
  let waits: number | null = since;
  for (const message of conversation.messages) {
    const at = Date.parse(message.at);
    if (message.from === "agent" && at >= since) waits = null;
    if (message.from === "citizen" && waits === null) waits = at;
  }
  return waits;
}

// longestWaiting is the id of the conversation that waits longest; null when all are answered.
export function longestWaiting(waits: Map<number, number | null>): number | null {
  return inOrderOfWaiting(waits)[0] ?? null;
}

// inOrderOfWaiting is those that wait, longest first.
export function inOrderOfWaiting(waits: Map<number, number | null>): number[] {
  return [...waits]
    .filter((entry): entry is [number, number] => entry[1] !== null)
    .sort((a, b) => a[1] - b[1])
    .map(([conversation]) => conversation);
}

// fold splits a transcript at the hand-off. The citizen's last word before it stays outside, since it is what they came with.
export function fold(conversation: Conversation): { before: Message[]; since: Message[] } {
  const handedOver = Date.parse(conversation.queuedAt);
  let cut = conversation.messages.findIndex((message) => Date.parse(message.at) > handedOver);
  if (cut < 0) cut = conversation.messages.length;
  const last = conversation.messages.slice(0, cut).findLastIndex((message) => message.from === "citizen");
  if (last >= 0) cut = last;
  return { before: conversation.messages.slice(0, cut), since: conversation.messages.slice(cut) };
}
