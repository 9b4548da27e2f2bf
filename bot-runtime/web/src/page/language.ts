// Languages that our own words exist in. A tenant may offer fewer; the citizen's and the agent's choice is remembered.

export type Language = "id" | "en";

export const languageNames: Record<Language, string> = { id: "Indonesia", en: "English" };

export function isLanguage(value: unknown): value is Language {
  return value === "id" || value === "en";
}

// ours are the offered languages that our words exist in, in the tenant's order.
export function ours(offered: readonly string[]): Language[] {
  const known = offered.filter(isLanguage);
  return known.length > 0 ? known : ["id", "en"];
}

// choose takes the first that is offered of: what was wished, what the browser prefers, the tenant's default.
export function choose(offered: readonly Language[], wished: string | null): Language {
  const browser = navigator.languages.map((tag) => tag.slice(0, 2));
  for (const tag of [wished, ...browser]) {
    if (isLanguage(tag) && offered.includes(tag)) return tag;
  }
  return offered[0] ?? "id";
}

// pick reads a text by language, falling back to whichever there is.
export function pick(text: Record<string, string> | null | undefined, language: Language): string {
  if (!text) return "";
  return text[language] ?? Object.values(text)[0] ?? "";
}
