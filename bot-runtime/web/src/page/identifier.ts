// newIdentifier is 128 random bits in hex. crypto.randomUUID exists on https only, and demos run on plain http.
export function newIdentifier(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
