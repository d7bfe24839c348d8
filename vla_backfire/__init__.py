"""Is a robot policy that is safe in English still safe when told the same in another language?"""
