"""The one way to refuse: a sentence a person can act on, the same on the page and in the API."""


class Refused(Exception):
    """An act that the rules do not allow now. `field` names the form field to blame, if one is."""

    def __init__(self, sentence: str, field: str = "", code: str = "refused") -> None:
        super().__init__(sentence)
        self.sentence, self.field, self.code = sentence, field, code


class Moved(Refused):
    """Somebody else was faster: the case is no longer where the caller saw it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, code="moved")


class Faults(Exception):
    """Several fields are wrong: {field: sentence}."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = faults
