// The counter's API, as bot-runtime/desk/doc.go tells it.

export interface About {
  pool: string;
  title: Record<string, string> | null;
  languages: string[] | null;
}

export interface State {
  agent: string;
  available: boolean;
  seq: number;
  waiting: number;
  oldestWaitingSeconds: number;
  agentsOnline: number;
  slots: number;
  // skills of the agent, of those that hand-offs may ask for.
  skills?: string[];
  // deadLetters is told to supervisors only.
  deadLetters?: number;
  // lookUp: the tenant has directories to search.
  lookUp?: boolean;
  now: string;
  conversations: Conversation[];
}

export interface Conversation {
  id: number;
  channel: string;
  contact: { name: string };
  language: string;
  priority: number;
  summary: string;
  // skills that the hand-off asked for.
  skills?: string[];
  queuedAt: string;
  assignedAt: string;
  windowEndsAt?: string;
  draft: string;
  messages: Message[];
}

export type DeliveryState = "queued" | "sending" | "unknown" | "sent" | "delivered" | "read" | "failed";

// Written is what a citizen, the bot or an agent wrote.
export interface Written {
  kind?: string;
  text: string;
  choices?: string[];
  mediaType?: string;
  fileName?: string;
}

export interface Message extends Written {
  id: number;
  from: "citizen" | "bot" | "agent";
  agent?: string;
  at: string;
  state?: DeliveryState;
  reason?: string;
  ref?: string;
}

export interface DeadLetter {
  id: number;
  what: "message" | "timer" | "closed" | "send";
  contact: { name: string };
  channel: string;
  conversation: number;
  at: string;
  attempts: number;
  reason: string;
}

export type Outcome = "exact" | "confident" | "ambiguous" | "lookalike" | "listed-illegal" | "none";

// Entry is one institution of a directory.
export interface Entry {
  id: string;
  name: string;
  aliases?: string[];
  licence?: string;
  type?: string;
  status: string;
  sites?: string[];
  phones?: string[];
  emails?: string[];
  shown?: Fact[];
}

// Fact is what else the agency shows of an institution.
export interface Fact {
  name: string;
  label?: Record<string, string>; // by language
  value: string;
}

// DirectoryAnswer is what the bot would have been told.
export interface DirectoryAnswer {
  directory: string;
  outcome: Outcome;
  field?: string;
  why: Record<string, string>;
  entries: Entry[];
}

export interface DeskEvent {
  seq: number;
  kind: "queued" | "assigned" | "message" | "delivery" | "closed" | "released";
  conversation?: number;
  messageId?: number;
  at: string;
}

// Refused is an answer of 400 and above; LineDown is no answer at all, or 503: what was asked may be asked again.
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
  ) {
    super(code);
  }
}

export class LineDown extends Error {}

export interface Api {
  about(): Promise<About>;
  signIn(agent: string, password: string): Promise<void>;
  signOut(): Promise<void>;
  state(): Promise<State>;
  setAvailable(available: boolean): Promise<void>;
  older(conversation: number, before: number): Promise<Message[]>;
  reply(conversation: number, clientId: string, text: string): Promise<{ ref: string }>;
  saveDraft(conversation: number, text: string): Promise<void>;
  close(conversation: number): Promise<void>;
  lookUp(text: string): Promise<DirectoryAnswer[]>;
  deadLetters(after: number): Promise<{ deadLetters: DeadLetter[]; next: number }>;
  deadLetter(id: number): Promise<DeadLetter & { message?: Written }>;
  replayDeadLetter(id: number): Promise<void>;
  dropDeadLetter(id: number): Promise<void>;
  eventsURL(after: number): string;
}

// patience is how long an answer may take before the line counts as down.
const patience = 15_000;

export function apiAt(base: string): Api {
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    let answer: Response;
    try {
      answer = await fetch(base + path, {
        method,
        headers: { "X-Loket-Desk": "1", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(patience),
        cache: "no-store",
      });
    } catch {
      throw new LineDown();
    }
    if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as T;
    if (answer.status >= 500) throw new LineDown();
    throw new Refused(answer.status, await codeOf(answer));
  };
  return {
    about: () => call("GET", "about"),
    signIn: (agent, password) => call("POST", "session", { agent, password }),
    signOut: () => call("DELETE", "session"),
    state: () => call("GET", "state"),
    setAvailable: (available) => call("PUT", "availability", { available }),
    older: async (conversation, before) =>
      (await call<{ messages: Message[] }>("GET", `conversations/${conversation}/messages?before=${before}`)).messages,
    reply: (conversation, clientId, text) => call("POST", `conversations/${conversation}/messages`, { clientId, text }),
    saveDraft: (conversation, text) => call("PUT", `conversations/${conversation}/draft`, { text }),
    close: (conversation) => call("POST", `conversations/${conversation}/close`, {}),
    lookUp: async (text) => (await call<{ answers: DirectoryAnswer[] }>("POST", "lookup", { text })).answers,
    deadLetters: (after) => call("GET", `dead-letters?after=${after}`),
    deadLetter: (id) => call("GET", `dead-letters/${id}`),
    replayDeadLetter: (id) => call("POST", `dead-letters/${id}/replay`),
    dropDeadLetter: (id) => call("DELETE", `dead-letters/${id}`),
    eventsURL: (after) => `${base}events?after=${after}`,
  };
}

async function codeOf(answer: Response): Promise<string> {
  try {
    const body = (await answer.json()) as { error?: { code?: string } };
    return body.error?.code ?? "";
  } catch {
    return "";
  }
}
