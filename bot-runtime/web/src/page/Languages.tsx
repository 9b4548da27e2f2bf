import { type Language, languageNames } from "./language";

interface Props {
  label: string;
  languages: Language[];
  language: Language;
  choose: (language: string) => void;
}

// Languages is the choice of language; nothing where there is only one.
export function Languages({ label, languages, language, choose }: Props) {
  if (languages.length < 2) return null;
  return (
    <label class="languages">
      <span class="hidden">{label}</span>
      <select value={language} onChange={(event) => choose(event.currentTarget.value)}>
        {languages.map((one) => (
          <option key={one} value={one} lang={one}>
            {languageNames[one]}
          </option>
        ))}
      </select>
    </label>
  );
}
