import type { Written } from "./api";
import type { TextKey, Texts } from "./text";

const mediaKeys: Record<string, TextKey> = {
  image: "image",
  video: "video",
  audio: "audio",
  voice: "voice",
  document: "document",
  sticker: "sticker",
  location: "location",
  contact: "contactCard",
  reaction: "reaction",
  system: "system",
  other: "other",
};

// Said is what somebody wrote, in text nodes that each have their own direction.
export function Said({ written, text }: { written: Written; text: Texts }) {
  const media = mediaKeys[written.mediaType ?? written.kind ?? ""];
  return (
    <>
      {media && (
        <p class="media">
          {text[media]}
          {written.fileName && <bdi class="said"> {written.fileName}</bdi>}
        </p>
      )}
      {written.text && (
        <p class="said" dir="auto">
          {written.text}
        </p>
      )}
      {written.choices && (
        <p class="offered">
          <span class="hidden">{text.choices}: </span>
          {written.choices.map((choice, at) => (
            <bdi class="choice" key={at}>
              {choice}
            </bdi>
          ))}
        </p>
      )}
    </>
  );
}
