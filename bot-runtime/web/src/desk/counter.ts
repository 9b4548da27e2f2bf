// The console's state and everything that changes it. Components read Counter and call Actions; nothing else keeps state.

import { newIdentifier } from "../page/identifier";
import type { Keep } from "../page/keep";
import { type Language, choose, isLanguage, ours } from "../page/language";
import { type Model, modelOf } from "../page/model";
import { type Stream, follow } from "../page/stream";
import { type About, type Api, type DeskEvent, LineDown, type Message, Refused, type State } from "./api";
import { Drafts } from "./drafts";
import { type Letters, Supervision } from "./letters";
import { type LookUp, Search } from "./search";
import type { TextKey } from "./text";

// Reply is one that the transcript does not show yet. It is sent again, under the same clientId, until the server has taken
// it; ref is then the server's name of it.
export interface Reply {
  clientId: string;
  ref: string;
  conversation: number;
  text: string;
  at: number;
  problem: TextKey | null;
}

export interface Counter {
  phase: "opening" | "out" | "in";
  about: About | null;
  languages: Language[];
  language: Language;
  notice: TextKey | null;
  signingIn: boolean;
  state: State | null;
  // lag is the server's clock minus ours.
  lag: number;
  line: "up" | "down";
  drafts: Record<number, { text: string; kept: "server" | "browser" | "saving" }>;
  replies: Reply[];
  older: Record<number, { messages: Message[]; all: boolean }>;
  // columns are conversations by their place on the page, which they keep; 0 is a free one.
  columns: number[];
  // letters is the supervisor's list of dead letters; null while the conversations are shown.
  letters: Letters | null;
  // lookUp is the search of the directories; null while it is closed.
  lookUp: LookUp | null;
}

const start: Counter = {
  phase: "opening",
  about: null,
  languages: ["id", "en"],
  language: "id",
  notice: null,
  signingIn: false,
  state: null,
  lag: 0,
  line: "up",
  drafts: {},
  replies: [],
  older: {},
  columns: [],
  letters: null,
  lookUp: null,
};

// problems of a reply that asking again does not change.
const problems: Record<string, TextKey> = { "not-yours": "notYours", "window-closed": "windowOver", "foreign-origin": "foreignOrigin" };

const olderPage = 50; // as the server gives
const queuePause = 2000; // events that concern nobody here only change the figures in the header
const staleAfter = 10_000; // what colleagues take from the queue makes no event here
const countAgain = 30_000; // nor does a dead letter
const retryPause = 2000;

export class Actions {
  readonly model: Model<Counter> = modelOf(start);
  private stream: Stream | null = null;
  private streamUp = false;
  private callsUp = true;
  private reading = false;
  private readAgain = false;
  private sending = false;
  private readTimer = 0;
  private retryTimer = 0;
  readonly supervision: Supervision;
  readonly search: Search;
  private readonly drafts: Drafts;

  constructor(
    private readonly api: Api,
    private readonly tab: Keep, // this tab's: drafts and replies that are not on the server yet
    private readonly browser: Keep, // the browser's: the language
  ) {
    this.drafts = new Drafts(this.model, tab, (conversation, text) => this.call(() => api.saveDraft(conversation, text)));
    this.supervision = new Supervision(this.model, api, (ask) => this.call(ask), () => this.readSoon(0));
    this.search = new Search(this.model, api, (ask) => this.call(ask));
    window.addEventListener("offline", () => this.lineIs(false));
    window.addEventListener("online", () => this.retry());
  }

  async open(): Promise<void> {
    try {
      const about = await this.api.about();
      const languages = ours(about.languages ?? []);
      this.model.change({ about, languages, language: choose(languages, this.browser.get<string>("language")) });
      await this.begin();
    } catch (error) {
      if (error instanceof Refused && error.code === "unknown-pool") this.model.change({ phase: "out", notice: "unknownPool" });
      else if (error instanceof Refused) this.model.change({ phase: "out" });
      else {
        this.model.change({ phase: "opening", notice: "cannotReach" });
        window.setTimeout(() => void this.open(), retryPause);
      }
    }
  }

  async signIn(agent: string, password: string): Promise<void> {
    this.model.change({ signingIn: true, notice: null });
    try {
      await this.api.signIn(agent, password);
      await this.begin();
    } catch (error) {
      this.model.change({ notice: error instanceof Refused ? refusedSignIn(error) : "cannotReach" });
    } finally {
      this.model.change({ signingIn: false });
    }
  }

  async signOut(): Promise<void> {
    await this.drafts.saveAll();
    try {
      await this.api.signOut();
    } catch (error) {
      if (error instanceof LineDown) {
        this.lineIs(false);
        return; // still signed in: say so by staying
      }
    }
    for (const key of this.tab.keys()) this.tab.drop(key);
    this.leave(null);
  }

  speak(language: string): void {
    if (!isLanguage(language)) return;
    this.browser.put("language", language);
    this.model.change({ language });
  }

  type(conversation: number, text: string): void {
    this.drafts.type(conversation, text);
  }

  // reply takes the draft as a message. It is kept before it is sent.
  reply(conversation: number): void {
    const text = this.model.get().drafts[conversation]?.text.trim() ?? "";
    if (text === "") return;
    const reply: Reply = { clientId: newIdentifier(), ref: "", conversation, text, at: Date.now(), problem: null };
    this.keepReplies([...this.model.get().replies, reply]);
    this.drafts.type(conversation, "");
    void this.sendReplies();
  }

  // takeBack puts a reply that cannot be sent back into its box.
  takeBack(reply: Reply): void {
    this.dropReply(reply);
    const draft = this.model.get().drafts[reply.conversation]?.text ?? "";
    this.drafts.type(reply.conversation, draft === "" ? reply.text : `${reply.text}\n${draft}`);
  }

  dropReply(reply: Reply): void {
    this.keepReplies(this.model.get().replies.filter((other) => other !== reply));
  }

  // close says why a conversation stays open, where nothing else shows it.
  async close(conversation: number): Promise<TextKey | null> {
    try {
      await this.call(() => this.api.close(conversation));
      this.drafts.forget(conversation);
    } catch (error) {
      if (error instanceof Refused && error.code === "unread") return "unread";
      if (error instanceof Refused && error.code === "foreign-origin") return "foreignOrigin";
      // The line is down, which shows, or the conversation is no longer ours, which the next state shows.
    } finally {
      this.readSoon(0);
    }
    return null;
  }

  async setAvailable(available: boolean): Promise<void> {
    const state = this.model.get().state;
    if (!state) return;
    this.model.change({ state: { ...state, available } });
    try {
      await this.call(() => this.api.setAvailable(available));
    } catch {
      // The next state shows what is so.
    }
    this.readSoon(0);
  }

  async showOlder(conversation: number): Promise<void> {
    const counter = this.model.get();
    const held = counter.state?.conversations.find((one) => one.id === conversation);
    const known = counter.older[conversation]?.messages ?? [];
    const first = known[0] ?? held?.messages[0];
    if (!first) return;
    try {
      const more = await this.call(() => this.api.older(conversation, first.id));
      const older = { messages: [...more, ...known], all: more.length < olderPage };
      this.model.change({ older: { ...this.model.get().older, [conversation]: older } });
    } catch {
      // The line is down, which shows; the button is still there.
    }
  }

  // retry is for when the network may be back.
  retry(): void {
    this.stream?.retry();
    this.readSoon(0);
  }

  // begin reads the state of the signed-in agent and follows events from there.
  private async begin(): Promise<void> {
    const state = await this.api.state();
    this.drafts.of(state.agent);
    this.model.change({ phase: "in", notice: null, replies: this.tab.get<Reply[]>(`replies/${state.agent}`) ?? [] });
    this.callsUp = true;
    this.take(state);
    this.stream?.stop();
    this.stream = follow({
      request: () => ({ url: this.api.eventsURL(this.model.get().state?.seq ?? 0), headers: {} }),
      opened: () => {
        this.streamUp = true;
        this.readSoon(0);
      },
      event: (event) => this.heard(JSON.parse(event.data) as DeskEvent),
      down: () => this.lineIs(false),
      refused: (status) => {
        if (status === 401) this.leave("signedOut");
        return status !== 401;
      },
      longestPause: 8000,
    });
    this.streamUp = true;
    this.lineChanged();
    void this.sendReplies();
  }

  private heard(event: DeskEvent): void {
    const mine = this.model.get().state?.conversations.some((one) => one.id === event.conversation);
    this.readSoon(mine || event.kind !== "queued" ? 0 : queuePause);
  }

  private readSoon(pause: number): void {
    if (pause > 0 && this.readTimer) return;
    clearTimeout(this.readTimer);
    this.readTimer = window.setTimeout(() => {
      this.readTimer = 0;
      void this.read();
    }, pause);
  }

  // read brings the state up to date: one request at a time, and one more when something happened meanwhile.
  private async read(): Promise<void> {
    if (this.reading) {
      this.readAgain = true;
      return;
    }
    if (this.model.get().phase !== "in") return;
    this.reading = true;
    do {
      this.readAgain = false;
      try {
        this.take(await this.call(() => this.api.state()));
        void this.drafts.saveAll();
        void this.sendReplies();
      } catch {
        // The line is down or the sign-in over: call has said so.
      }
    } while (this.readAgain);
    this.reading = false;
  }

  private take(state: State): void {
    const counter = this.model.get();
    const ids = state.conversations.map((one) => one.id);
    const older = Object.fromEntries(Object.entries(counter.older).filter(([id]) => ids.includes(Number(id))));
    this.drafts.take(state.conversations);
    this.model.change({ state, lag: Date.parse(state.now) - Date.now(), older, columns: placed(counter.columns, ids, state.slots) });
    this.keepReplies(counter.replies);
    this.supervision.noticed(state.deadLetters);
    if (state.waiting > 0) this.readSoon(staleAfter);
    else if (state.deadLetters !== undefined) this.readSoon(countAgain);
  }

  private async sendReplies(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    const tried = new Set<string>();
    for (;;) {
      const reply = this.model.get().replies.find((one) => one.ref === "" && one.problem === null && !tried.has(one.clientId));
      if (!reply) break;
      tried.add(reply.clientId);
      try {
        const { ref } = await this.call(() => this.api.reply(reply.conversation, reply.clientId, reply.text));
        this.changeReply(reply, { ref });
        this.drafts.saveAgain(reply.conversation); // the server dropped its copy with the reply
      } catch (error) {
        if (!(error instanceof Refused) || error.status === 401) break;
        this.changeReply(reply, { problem: problems[error.code] ?? "refused" });
      }
    }
    this.sending = false;
    if (tried.size > 0 && this.callsUp) this.readSoon(0);
  }

  private changeReply(reply: Reply, part: Partial<Reply>): void {
    this.keepReplies(this.model.get().replies.map((one) => (one.clientId === reply.clientId ? { ...one, ...part } : one)));
  }

  // keepReplies drops those that the transcript shows, or whose conversation went on elsewhere once they were taken.
  private keepReplies(all: Reply[]): void {
    const state = this.model.get().state;
    if (!state) return;
    const shown = new Set(state.conversations.flatMap((one) => one.messages.map((message) => message.ref)));
    const held = new Set(state.conversations.map((one) => one.id));
    const replies = all.filter((reply) => reply.ref === "" || (!shown.has(reply.ref) && held.has(reply.conversation)));
    this.tab.put(`replies/${state.agent}`, replies);
    this.model.change({ replies });
  }

  // call notices what every answer says of the line and of the sign-in.
  private async call<T>(ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask();
      this.callsUp = true;
      this.lineChanged();
      return answer;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.leave("signedOut");
      if (error instanceof LineDown) {
        this.callsUp = false;
        this.lineChanged();
      }
      throw error;
    }
  }

  private lineIs(up: boolean): void {
    this.streamUp = up;
    this.lineChanged();
  }

  private lineChanged(): void {
    const line = this.streamUp && this.callsUp ? "up" : "down";
    if (this.model.get().line !== line) this.model.change({ line });
    clearTimeout(this.retryTimer);
    if (!this.callsUp) this.retryTimer = window.setTimeout(() => this.readSoon(0), retryPause);
  }

  private leave(notice: TextKey | null): void {
    this.stream?.stop();
    this.stream = null;
    clearTimeout(this.retryTimer);
    this.callsUp = true;
    this.drafts.leave();
    this.model.change({ phase: "out", notice, state: null, drafts: {}, replies: [], older: {}, columns: [], letters: null, lookUp: null, line: "up" });
  }
}

// refusedSignIn blames the password only where it is to blame.
function refusedSignIn({ status, code }: Refused): TextKey {
  if (status === 429) return "tooManyAttempts";
  switch (code) {
    case "wrong-password":
    case "bad-request": // no name or password of an account
      return "wrongPassword";
    case "foreign-origin":
      return "foreignOrigin";
    case "unknown-pool":
      return "unknownPool";
  }
  return "signInRefused";
}

// placed keeps every conversation where it stands and puts new ones into the first free columns.
export function placed(columns: number[], ids: number[], slots: number): number[] {
  const next = columns.map((id) => (ids.includes(id) ? id : 0));
  for (const id of ids) {
    if (next.includes(id)) continue;
    const free = next.indexOf(0);
    if (free >= 0) next[free] = id;
    else next.push(id);
  }
  while (next.length > slots && next.includes(0)) next.splice(next.lastIndexOf(0), 1);
  while (next.length < slots) next.push(0);
  return next;
}
