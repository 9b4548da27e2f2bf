// clock shows a time of day in the reader's own zone.
export function clock(at: string, language: string): string {
  return new Date(at).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });
}

// day shows a day and its time in the reader's own zone.
export function day(at: string, language: string): string {
  return new Date(at).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}

// duration shows milliseconds as 42 s, 3 m 05 s, 5 h 12 m, 2 d 3 h: short, and the same in both languages but for days.
export function duration(milliseconds: number, language: string): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const [s, m, h, d] = language === "id" ? ["dtk", "mnt", "jam", "hr"] : ["s", "m", "h", "d"];
  if (seconds < 60) return `${seconds} ${s}`;
  if (minutes < 60) return `${minutes} ${m} ${String(seconds % 60).padStart(2, "0")} ${s}`;
  if (hours < 48) return `${hours} ${h} ${String(minutes % 60).padStart(2, "0")} ${m}`;
  return `${Math.floor(hours / 24)} ${d} ${hours % 24} ${h}`;
}
