import type { Language } from "../page/language";

const id = {
  loading: "Membuka obrolan…",
  cannotOpen: "Obrolan belum dapat dibuka. Kami mencoba lagi…",
  notThere: "Obrolan ini tidak ada. Periksa alamatnya.",
  hello: "Halo. Tulis pertanyaan Anda untuk mulai.",
  caution: "Jangan pernah mengirim kata sandi, PIN, atau OTP di sini.",
  offline: "Anda sedang luring. Pesan dikirim begitu tersambung lagi.",
  conversation: "Percakapan",
  message: "Pesan",
  hint: "Tulis pesan",
  send: "Kirim",
  language: "Bahasa",
  close: "Tutup obrolan",
  you: "Anda",
  bot: "Bot",
  agent: "Petugas",
  sending: "mengirim…",
  waits: "menunggu sambungan",
  refused: "tidak dapat dikirim",
  again: "Kirim lagi",
  failed: "belum sampai",
  choose: "Pilihan jawaban",
  newer: "Pesan baru",
  tooLong: "Pesan terlalu panjang",
};

const en: Record<keyof typeof id, string> = {
  loading: "Opening the chat…",
  cannotOpen: "The chat cannot be opened yet. We are trying again…",
  notThere: "There is no such chat. Check the address.",
  hello: "Hello. Write your question to begin.",
  caution: "Never send a password, PIN or one-time code here.",
  offline: "You are offline. Messages go out as soon as the line is back.",
  conversation: "Conversation",
  message: "Message",
  hint: "Write a message",
  send: "Send",
  language: "Language",
  close: "Close the chat",
  you: "You",
  bot: "Bot",
  agent: "Agent",
  sending: "sending…",
  waits: "waiting for the line",
  refused: "could not be sent",
  again: "Send again",
  failed: "not delivered",
  choose: "Answers to choose from",
  newer: "New messages",
  tooLong: "The message is too long",
};

export type Texts = typeof id;

export const texts: Record<Language, Texts> = { id, en };
