"""flite's voices by its library: when each word is spoken, and each word as slow or as fast as asked. Debian: libflite1."""
import ctypes
from ctypes import POINTER, c_char_p, c_float, c_int, c_short, c_void_p

import numpy as np


class Wave(ctypes.Structure):
    _fields_ = [("type", c_char_p), ("rate", c_int), ("samples", c_int), ("channels", c_int), ("values", POINTER(c_short))]


FUNCTIONS = dict(
    new_utterance=(c_void_p,), utt_set_input_text=(c_int, c_void_p, c_char_p), utt_init=(c_void_p, c_void_p, c_void_p),
    default_tokenization=(c_void_p, c_void_p), utt_synth_tokens=(c_void_p, c_void_p), utt_wave=(POINTER(Wave), c_void_p),
    utt_relation=(c_void_p, c_void_p, c_char_p), relation_head=(c_void_p, c_void_p), delete_utterance=(None, c_void_p),
    item_next=(c_void_p, c_void_p), item_prev=(c_void_p, c_void_p), item_daughter=(c_void_p, c_void_p), item_as=(c_void_p, c_void_p, c_char_p),
    item_feat_float=(c_float, c_void_p, c_char_p), item_set_float=(None, c_void_p, c_char_p, c_float),
)
library = ctypes.CDLL("libflite.so.1", ctypes.RTLD_GLOBAL)
for language in ("usenglish", "cmulex"):
    ctypes.CDLL(f"libflite_{language}.so.1", ctypes.RTLD_GLOBAL)
for name, (result, *arguments) in FUNCTIONS.items():
    getattr(library, name).restype, getattr(library, name).argtypes = result, arguments
library.flite_init()
voices = {}


def voice_of(name):
    if name not in voices:
        register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1", ctypes.RTLD_GLOBAL), f"register_cmu_us_{name}")
        register.restype, register.argtypes = c_void_p, [c_char_p]
        voices[name] = register(None)
    return voices[name]


def chain(item):
    while item:
        yield item
        item = library.item_next(item)


def tokens(utterance):
    return chain(library.relation_head(library.utt_relation(utterance, b"Token")))


def spoken(text, voice, factors=()):
    """→ samples int16, samples a second, and of each token (what stands between blanks) its start and end in seconds, None where nothing
    is said. `factors` lengthen the tokens in turn."""
    utterance = library.new_utterance()
    try:
        library.utt_set_input_text(utterance, text.encode())
        library.utt_init(utterance, voice_of(voice))
        library.default_tokenization(utterance)
        for token, factor in zip(tokens(utterance), factors):
            library.item_set_float(token, b"local_duration_stretch", factor)
        library.utt_synth_tokens(utterance)
        wave = library.utt_wave(utterance).contents
        samples = np.ctypeslib.as_array(wave.values, (wave.samples,)).copy()
        return samples, wave.rate, [time_of(token) for token in tokens(utterance)]
    finally:
        library.delete_utterance(utterance)


def time_of(token):
    phones = [library.item_as(phone, b"Segment") for word in chain(library.item_daughter(token))
              for syllable in chain(library.item_daughter(library.item_as(word, b"SylStructure"))) for phone in chain(library.item_daughter(syllable))]
    if not phones:
        return None
    before = library.item_prev(phones[0])
    return library.item_feat_float(before, b"end") if before else 0.0, library.item_feat_float(phones[-1], b"end")
