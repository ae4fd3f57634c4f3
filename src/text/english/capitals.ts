/**
 * Words in capitals: acronyms, shouting and headings. F5-TTS says capitals letter by letter, "best with form like K.F.C."
 * (src/f5_tts/infer/README.md), so whatever is a word must not stay in capitals, and what is spelled has dots.
 */
import { rule, type Rule, textAfter, textBefore } from '../rule.ts';

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '));

/** Spelled although they have vowels; those without are spelled anyway, all others are said as words (NASA, UNESCO). */
const SPELLED = words(
  'AAA ABC AC ACLU AD ADHD AES AFP AI AKA AM AMA AMD AOL AP API ATM AUD AWS BAFTA BBQ BCE BMI BYOB CAD CE CEO CFO CIA CIO CLI ' +
    'COO CPA CPU CSI DOI EDM EMI ESG ETF FYI HDMI IEC IFRS IMHO IOT IPCC IPTV ISDN ITU KPI LTE NFT OCR ODBC OMG OSI PII POC POV ' +
    'RFID SLA UAT UDP UHD UID UML UNHCR UPC UUID VOD YTD ' +
    'CTO DIY DNA DOB DOJ DUI EDT EEG EKG EMT EOD EPA ER ESPN EST ETA EU EUR EV FAA FAQ FBI FDA FOMC FY GDP GIS GOP GPA GPU ' +
    'GUI HIV IBM ICU IDE IEEE IMF IOC IOU IP IPA IPO IQ IRA IRS ISBN ISO ISP ISS ITV IVF JPY KIA LAPD LED LGBTQ MBA MIA MIT ' +
    'MOU MRI MVP NAACP NBA NCAA NDA NGO NIH NYU OECD OEM OS OTC PDA PIB PTA PTO QA RAF RIP RNA ROI RSVP SEO SOS SUV TBA TIA ' +
    'UAE UCLA UFC UFO UHF UI UK UN UPI UPS URI URL USA USB USD USDA USPS USSR UTC UV UX VAT VIN VIP VOIP YMCA',
);
/** The same, but not in a run of capitals: there they are the common words ('JOIN US'). */
const SPELLED_ALONE = words('US ID LA');
/** Common words that are acronyms only in some places. */
const SPELLED_HERE: Readonly<Record<string, (before: string, after: string) => boolean>> = {
  IT: (_before, after) =>
    /^ (?:department|team|support|staff|manager|industry|company|security|system|service|sector)s?\b/.test(after),
  WHO: (before, after) => /\b[Tt]he $/.test(before) && /^(?:[.,;:]|'s\b| (?!am\b|are\b)[a-z])/.test(after),
};
/** Longest run of consonants that is taken for an acronym, and of letters before digits ('CO2', 'FY2024'). */
const LONGEST_ACRONYM = 5;
const LONGEST_CODE = 3;

const VOWEL = /[AEIOUY]/;

/**
 * 'FBI' -> 'F.B.I'. Without a last dot: the model would hear a full stop in it, and so would the sentence splitter.
 */
export function spell(letters: string): string {
  return Array.from(letters).join('.');
}

function isSpelled(word: string): boolean {
  return SPELLED.has(word) || (word.length <= LONGEST_ACRONYM && !VOWEL.test(word));
}

/** Is one of the neighbours a word in capitals that is not an acronym? Then this is a heading, or somebody shouts. */
function isInRun(match: RegExpExecArray): boolean {
  const left = /(?:^|[^A-Za-z])([A-Z]{2,})[ ,'"-]+(?:[AI] )?$/.exec(textBefore(match))?.[1];
  const right = /^[ ,'"-]+(?:[AI] )?([A-Z]{2,})(?![A-Za-z])/.exec(textAfter(match))?.[1];
  return [left, right].some((word) => word !== undefined && !isSpelled(word));
}

function inCapitals(match: RegExpExecArray): string {
  const [word, letters = '', suffix = ''] = match;
  if (word === 'OK') return 'okay';
  const after = textAfter(match);
  const isCode = letters.length <= LONGEST_CODE && /^[\d₀-₉]/.test(after);
  const isHere = SPELLED_ALONE.has(letters) || SPELLED_HERE[letters]?.(textBefore(match), after) === true;
  if (isSpelled(letters) || isCode || (isHere && !isInRun(match))) return spell(letters) + suffix.toLowerCase();
  // the first letter stays: it may begin a sentence
  return word.charAt(0) + word.slice(1).toLowerCase();
}

/** Spelled already: 'F.B.I'. Tried before initials and abbreviations. */
export const SPELLED_RULE: Rule = rule('(?:[A-Z]\\.){1,12}[A-Z](?![A-Za-z.])', ([letters]) => letters);

/** Tried at a letter. */
export const CAPITAL_RULES: readonly Rule[] = [
  rule('[A-Z]{2,5}(?=s(?![A-Za-z]))', ([word]) => (isSpelled(word) ? `${spell(word)}'` : undefined)),
  rule(
    '([A-Z]{1,4})&([A-Z]{1,4})(?![A-Za-z])',
    ([, first = '', second = '']) => `${spell(first)} and ${spell(second)}`,
  ),
  rule("(?=[A-Z]'?[A-Z])([A-Z]+)('[A-Z]{1,2})?(?![A-Za-z])", inCapitals),
];
