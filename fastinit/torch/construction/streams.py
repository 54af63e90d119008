"""Which stream each draw of a recording comes from: by the names that the tensors have in the finished model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fastinit.core.stream import Stream, child_stream, stream_of
from fastinit.torch.construction.forms import Form, Source, computed_form, form_of
from fastinit.torch.construction.steps import Ref


class Owner(NamedTuple):
    """The tensor whose stream a draw comes from, and the key of the child stream if it is not the tensor's own."""

    name: str
    key: str | None


class Named(NamedTuple):
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


NOBODY: Mapping[Source, Owner] = {}


def named_forms(forms: Mapping[str, Form]) -> dict[str, Named]:
    """Each draw belongs to the first tensor that it is in; a tensor of nothing but another's draws is that one's copy."""
    owners: dict[tuple[int, Source], Owner] = {}
    result = {}
    for name, form in _computed_where_related(forms).items():
        if not form.sources:
            result[name] = Named(form, name, NOBODY)
            continue
        own: dict[Source, Owner] = {}
        recording = form.recording
        for at, source in enumerate(form.sources):
            owner = Owner(name, form.keys[at])
            if not recording.independent_copies:
                owner = owners.setdefault((id(recording), source), owner)
            own[source] = owner
        like = _like(name, form, own)
        if like is None:  # parts of several others
            form = computed_form(form.recording, form.ref)
            places = zip(form.sources, form.keys, strict=True)
            own = {s: owners.setdefault((id(form.recording), s), Owner(name, key)) for s, key in places}
        result[name] = Named(form, like or name, own)
    return result


def _computed_where_related(forms: Mapping[str, Form]) -> Mapping[str, Form]:
    """The forms; tensors that have values of one draw in common without being copies, as a transposed one, are computed."""
    if not any([source.seen_as for form in forms.values() for source in form.sources]):  # the usual case
        return forms
    seen: dict[tuple[int, int], set[Source]] = {}
    for form in forms.values():
        if not form.recording.independent_copies:
            for source in form.sources:
                seen.setdefault((id(form.recording), source.step), set()).add(source)
    several = {step: sources for step, sources in seen.items() if len(sources) > 1}
    if not several:
        return forms

    def is_related(form: Form, source: Source) -> bool:
        others = several.get((id(form.recording), source.step), ())
        return bool(source.seen_as) and any(o != source and o.overlaps(source, form.recording) for o in others)

    return {
        name: computed_form(form.recording, form.ref)
        if not form.is_computed and any(is_related(form, source) for source in form.sources)
        else form
        for name, form in forms.items()
    }


def named_as_in_whole(forms: Mapping[str, Form]) -> dict[str, Named]:
    """`named_forms` of what may be a part of the model that was constructed, as a stage of a pipeline is.

    A draw whose first tensor is elsewhere, as that of a copied layer or of a tied head, is named by it all the same.
    """
    named = named_forms(forms)
    for recording in {id(form.recording): form.recording for form in forms.values()}.values():
        here = {name: form.ref for name, form in forms.items() if form.recording is recording}
        for model in recording.models:
            if here == model:
                continue
            names_of = _names_by_ref(model)
            begin = _begin_of_names(here, names_of)
            if begin is not None and not {begin + names[0] for names in names_of.values()} <= here.keys():
                whole = named_forms({name: form_of(recording, ref) for name, ref in model.items()})
                named |= _drawn_elsewhere(here, model, whole, begin)
    return named


def _begin_of_names(here: Mapping[str, Ref], names_of: Mapping[Ref, list[str]]) -> str | None:
    """What the names here begin with before those of the model, mostly nothing; None where no tensor has its name."""
    begins = Counter(
        name[: -len(of)]
        for name, ref in here.items()
        for of in names_of.get(ref, ())
        if name == of or name.endswith(f".{of}")
    )
    return begins.most_common(1)[0][0] if begins else None


def _drawn_elsewhere(
    here: Mapping[str, Ref], model: Mapping[str, Ref], whole: Mapping[str, Named], begin: str
) -> Iterator[tuple[str, Named]]:
    """Of the tensors here those with draws that first belong to a tensor of the whole model which is not here."""
    renamed = {ref for name, ref in here.items() if model.get(name.removeprefix(begin)) != ref}
    for name, ref in here.items():
        own = name.removeprefix(begin)
        if model.get(own) == ref:
            owners = {source: Owner(begin + owner.name, owner.key) for source, owner in whole[own].owners.items()}
            others = {owner.name for owner in owners.values() if owner.name not in here}
            is_here = not others and whole[own].form.is_computed  # perhaps only since another, not here, has of its draws
            if is_here or any(model[other.removeprefix(begin)] not in renamed for other in others):
                yield name, Named(whole[own].form, begin + whole[own].like, owners)


def _names_by_ref(model: Mapping[str, Ref]) -> Mapping[Ref, list[str]]:
    names: dict[Ref, list[str]] = {}
    for name, ref in model.items():
        names.setdefault(ref, []).append(name)
    return names


def _like(name: str, form: Form, own: Mapping[Source, Owner]) -> str | None:
    """The tensor from whose streams it is drawn just as that tensor is; None where there is none such."""
    if form.distribution is None or not own:
        return name
    like = None
    for at, owner in enumerate(own.values()):
        if owner.key != form.keys[at] or (like is not None and owner.name != like):
            return None
        like = owner.name
    return like
