"""What can be said of a paragraph of English text by counting."""

import re
from collections import Counter
from typing import Any, Dict

WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
SENTENCE_END = re.compile(r"[.!?]+(?:\s|$)")
VOWELS = re.compile(r"[aeiouy]+")
COMMON = frozenset(
    "a an and any are as at be by for from has have if in is it its may not of on or other"
    " shall such that the this to under with you your".split()
)


def analyse(text: str) -> Dict[str, Any]:
    """Counts words and sentences of a paragraph, and how easily it is read."""
    words = WORD.findall(text)
    sentences = max(1, len(SENTENCE_END.findall(text)))
    counted = Counter(w for w in map(str.lower, words) if w not in COMMON)
    return {
        "characters": len(text),
        "words": len(words),
        "sentences": sentences,
        "reading_ease": _reading_ease(words, sentences),
        "longest_word": max(words, key=len, default=""),
        "most_common": counted.most_common(3),
    }


def _reading_ease(words: "list[str]", sentences: int) -> "float | None":
    """Flesch's score: about 100 for a children's book, below 30 for a licence."""
    if not words:
        return None
    each = len(words) / sentences
    syllables = sum(_count_syllables(w) for w in words) / len(words)
    return round(206.835 - 1.015 * each - 84.6 * syllables, 1)


def _count_syllables(word: str) -> int:
    """A guess: groups of vowels, less a silent e."""
    word = word.lower()
    count = len(VOWELS.findall(word))
    if word.endswith("e") and not word.endswith("le"):
        count -= 1
    return max(1, count)
