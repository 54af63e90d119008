"""Which stream each draw of a recording comes from: by the names that the tensors have in the finished model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fastinit.core.stream import Stream, child_stream, stream_of
from fastinit.torch.construction.forms import Form, Source, computed_form


class Owner(NamedTuple):
    """The tensor whose stream a draw comes from, and the key of the child stream if it is not the tensor's own."""

    name: str
    key: str | None


@dataclass(frozen=True)
class Named:
    """A tensor's form, and where its draws come from.

    `like`: the tensor that it is a copy of, or its own name; `owners`: for each of its draws, whose stream it comes from.
    """

    form: Form
    like: str
    owners: Mapping[Source, Owner]

    def stream_of_step(self, seed: int, number: int) -> Stream:
        """The stream of one of the steps that compute it."""
        fixed = self.form.recording.fixed.get(number)
        if fixed is not None:
            return fixed
        name, key = self.owners[Source(number, ())]
        stream = stream_of(seed, name)
        return stream if key is None else child_stream(stream, key)


def named_forms(forms: Mapping[str, Form]) -> dict[str, Named]:
    """Each draw belongs to the first tensor that it is in; a tensor of nothing but another's draws is that one's copy."""
    owners: dict[tuple[int, Source], Owner] = {}
    result = {}
    for name, form in forms.items():
        own = {source: Owner(name, key) for source, key in zip(form.sources, form.keys, strict=True)}
        if not form.recording.independent_copies:
            own = {source: owners.setdefault((id(form.recording), source), owner) for source, owner in own.items()}
        like = _like(name, form, own)
        if like is None:  # parts of several others
            form = computed_form(form.recording, form.ref)
            places = zip(form.sources, form.keys, strict=True)
            own = {s: owners.setdefault((id(form.recording), s), Owner(name, key)) for s, key in places}
        result[name] = Named(form, like or name, own)
    return result


def _like(name: str, form: Form, own: Mapping[Source, Owner]) -> str | None:
    """The tensor from whose streams it is drawn just as that tensor is; None where there is none such."""
    if form.is_computed or not own:
        return name
    names = {owner.name for owner in own.values()}
    keys_agree = tuple(owner.key for owner in own.values()) == form.keys
    return names.pop() if len(names) == 1 and keys_agree else None
