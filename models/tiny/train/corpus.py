"""English sentences that flite speaks well, from Debian's packages: `python3 corpus.py OUT`."""
import glob
import random
import re
import subprocess
import sys

HELD_OUT = 100
LENGTH = range(12, 111)
WORDS_LEAST = 3


def wordnet():
    """Usage examples, in quotation marks; and every fourth definition."""
    for path in sorted(glob.glob("/usr/share/wordnet/data.*")):
        for number, line in enumerate(open(path, encoding="latin1")):
            gloss = line.rsplit("|", 1)[-1]
            yield from re.findall(r'"([^"]+)"', gloss)
            if number % 4 == 0:
                yield re.sub(r"\(.*?\)", "", gloss.split(";")[0])


def fortunes():
    for path in sorted(glob.glob("/usr/share/games/fortunes/*.u8")):
        for quotation in open(path, encoding="utf8", errors="ignore").read().split("\n%\n"):
            quotation = re.sub(r"\n\s*--.*", "", quotation, flags=re.S)  # who said it
            yield from re.split(r"(?<=[.!?])\s+", quotation.replace("\n", " "))


def bible():
    verses = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], capture_output=True, text=True).stdout
    for verse in verses.splitlines():
        yield from re.split(r"(?<=[.!?:;])\s+", verse.partition(" ")[2])


def tidy(text):
    text = text.translate({0x2019: "'", 0x2018: "'", ord('"'): None, ord("`"): "'", ord("_"): None, ord(";"): ","})
    text = re.sub(r"\s*--+\s*", ", ", re.sub(r"[\[\]()*]", "", text))
    text = re.sub(r" ([,.!?:])", r"\1", re.sub(r"\s+", " ", re.sub(r"\.\.+", ".", text))).strip(" -:,'")
    if text and text[-1] not in ".!?":
        text += "."
    return text[:1].upper() + text[1:]


def is_plain(text, known):
    """Nothing that the voices and the spelling disagree on: no digits, no unknown words, no abbreviations."""
    words = re.findall(r"[A-Za-z']+", text)
    if not re.fullmatch(r"[A-Za-z ,.!?:'-]+", text) or len(text) not in LENGTH or len(words) < WORDS_LEAST:
        return False
    if any(len(word) > 1 and word.isupper() for word in words) or any(word.lower() not in "aio" for word in words if len(word) == 1):
        return False
    return all(re.sub(r"'s$", "", word.lower().strip("'")) in known for word in words if word.strip("'"))


def main(out):
    known = {line.strip().lower() for line in open("/usr/share/dict/words", encoding="utf8")}
    sentences = {tidy(text) for source in (wordnet, fortunes, bible) for text in source()}
    sentences = sorted(text for text in sentences if is_plain(text, known))
    random.Random(1).shuffle(sentences)
    open(out, "w", encoding="utf8").write("\n".join(sentences) + "\n")
    print(f"{len(sentences)} sentences, {sum(map(len, sentences))} characters; the last {HELD_OUT} are for evaluation")


if __name__ == "__main__":
    main(sys.argv[1])
