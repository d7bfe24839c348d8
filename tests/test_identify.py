"""Languages are told from a few sentences, offline."""

from __future__ import annotations

import pytest

from vla_backfire.identify import can_identify, identify
from vla_backfire.languages import languages

FIRST_ARTICLE = {  # of the Universal Declaration of Human Rights, as the United Nations publish it
    "en": "All human beings are born free and equal in dignity and rights.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
    "pt-BR": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos.",
    "fi": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan.",
    "tr": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.",
    "id": "Semua orang dilahirkan merdeka dan mempunyai martabat dan hak-hak yang sama.",
    "vi": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
    "sw": "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa.",
    "fil": "Ang lahat ng tao'y isinilang na malaya at pantay-pantay sa karangalan.",
    "to": "Ko e kotoa ʻo haʻa tangata ʻoku fanauʻi mai ʻoku tauʻatāina pea tatau ʻi he ngeia.",
    "sm": "O tagata soifua uma ua saoloto lo latou fananau mai, ma e tutusa o latou aiā.",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "ar": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "zh-Hans": "人人生而自由，在尊严和权利上一律平等。",
}


@pytest.mark.parametrize(("lang", "sentence"), FIRST_ARTICLE.items())
def test_a_language_is_told_from_one_sentence(lang: str, sentence: str) -> None:
    guess = identify(sentence, languages())
    assert guess is not None
    assert guess.tag == lang
    assert can_identify(languages()[lang])


def test_nothing_is_guessed_where_no_language_has_the_script() -> None:
    assert identify("Ὅμηρος", languages()) is None
