"""What the user may say to write: a model's name, a file to imitate, a TOML file; and what is said of a wrong one."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from fastinit import initializers
from fastinit.auditing import audit
from fastinit.distributions import Constant, Normal, TruncatedNormal
from fastinit.files import specs
from fastinit.files.checkpoint import verify, write
from fastinit.files.reading import read_files
from fastinit.initializers import LecunNormal, Stacked, Uniform, WithSlabs

ARRAYS = {
    "wte.weight": np.zeros((16, 4), np.float16),
    "ln.weight": np.zeros((4,), np.float32),
    "ln.bias": np.zeros((4,), np.float32),
}


@pytest.fixture
def like(tmp_path):
    path = tmp_path / "like.safetensors"
    save_file(ARRAYS, path)
    return path


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "spec.toml"
        path.write_text(text)
        return str(path)

    return write


def summary(plan):
    return {tensor.name: (tensor.spec.shape, tensor.spec.dtype, tensor.distribution) for tensor in plan}


def test_a_file_to_imitate_gives_names_shapes_and_dtypes_and_generic_distributions(like):
    assert summary(specs.plan(str(like))) == {
        "wte.weight": ((16, 4), "float16", Normal(0.0, 0.02)),
        "ln.weight": ((4,), "float32", Constant(1.0)),
        "ln.bias": ((4,), "float32", Constant(0.0)),
    }


def test_a_dtype_asked_for_replaces_the_files_own(like):
    assert {tensor.spec.dtype for tensor in specs.plan(str(like), "bfloat16")} == {"bfloat16"}


def test_integer_buffers_keep_their_dtype():
    plan = specs.plan("resnet50", "bfloat16")
    assert {t.spec.dtype for t in plan if t.name.endswith("num_batches_tracked")} == {"int64"}
    assert {t.spec.dtype for t in plan if not t.name.endswith("num_batches_tracked")} == {"bfloat16"}


def test_a_toml_file_lists_tensors_and_rules(toml):
    path = toml("""
        dtype = "float16"
        [tensors]
        "embed.weight" = [32, 8]
        "head.weight" = { shape = [8, 32], dtype = "float64" }
        "head.bias" = [32]
        [[rules]]
        match = "*.bias"
        init = "zeros"
        [[rules]]
        match = "embed.*"
        init = "truncated_normal"
        std = 0.5
        high = 3.0
        [[rules]]
        match = "*"
        ndim = 2
        init = "he_normal"
        layout = "oi"
        """)
    assert summary(specs.plan(path)) == {
        "embed.weight": ((32, 8), "float16", TruncatedNormal(0.0, 0.5, -2.0, 3.0)),
        "head.weight": ((8, 32), "float16", Normal(0.0, 0.25)),
        "head.bias": ((32,), "float16", Constant(0.0)),
    }


def test_a_toml_file_may_change_a_models_rules(toml):
    plan = specs.plan(toml('model = "mlp"\n[[rules]]\nmatch = "layers.0.weight"\ninit = "normal"\nstd = 0.5'))
    assert plan["layers.0.weight"].distribution == Normal(0.0, 0.5)
    assert plan["layers.2.weight"] == specs.plan("mlp")["layers.2.weight"]


def test_a_toml_file_may_imitate_a_file_beside_it_and_omit_tensors(toml, like):
    plan = specs.plan(toml('like = "like.safetensors"\nomit = ["ln.*"]'))
    assert [tensor.name for tensor in plan] == ["wte.weight"]


def test_a_toml_file_may_name_a_ready_recipe_with_its_parameters(toml):
    path = toml("""
        recipe = { name = "gpt2", depth = 8 }
        [tensors]
        "h.0.c_proj.weight" = [8, 8]
        "wte.weight" = [16, 8]
        [[rules]]
        match = "wte.weight"
        init = "zeros"
        """)
    assert [tensor.distribution for tensor in specs.plan(path)] == [Normal(0.0, 0.02 / 4), Constant(0.0)]


def test_tied_tensors_are_in_the_file_once(toml):
    path = toml('recipe = "generic"\n[tensors]\na = [4, 4]\nb = [4, 4]\n[tied]\nb = "a"')
    assert [tensor.name for tensor in specs.plan(path)] == ["a"]


def test_a_rule_may_have_a_layout_table_and_an_initializer_within_an_initializer(toml):
    path = toml("""
        [tensors]
        "experts" = [4, 8, 16]
        "grouped" = [8, 2, 3, 3]
        [[rules]]
        match = "experts"
        init = "stacked"
        initializer = { class_name = "LecunNormal", config = { convention = "torch" } }
        [[rules]]
        match = "grouped"
        init = "he_normal"
        layout = { letters = "oihw", groups = 4 }
        """)
    experts, grouped = (tensor.distribution for tensor in specs.plan(path))
    assert experts == Stacked(LecunNormal(convention="torch")).distribution_for((4, 8, 16))
    assert grouped == Normal(0.0, (2 / 18) ** 0.5)


def test_slabs_are_written_as_nested_lists(toml):
    path = toml("""
        [tensors]
        "embedding" = [50, 8]
        [[rules]]
        match = "*"
        init = "with_slabs"
        initializer = { class_name = "Normal", config = { std = 0.02 } }
        slabs = [[[0, 0], [1, 8], "zeros"], [[1, 0], [2, 4], { class_name = "Uniform", config = { low = -1, high = 1 } }]]
        """)
    expected = WithSlabs([((0, 0), (1, 8), "zeros"), ((1, 0), (2, 4), Uniform(-1.0, 1.0))], initializers.Normal(std=0.02))
    assert [tensor.distribution for tensor in specs.plan(path)] == [expected.distribution_for((50, 8))]


def test_skipped_tensors_keep_the_bits_and_the_dtype_that_the_imitated_file_has(toml, tmp_path):
    wte = np.arange(64, dtype=np.float16).reshape(16, 4)
    save_file({**ARRAYS, "wte.weight": wte, "position_ids": np.arange(7)}, tmp_path / "like.safetensors")
    text = 'like = "like.safetensors"\nskip = ["wte.*", "position_ids"]\ndtype = "bfloat16"'
    plan = specs.plan(toml(text))
    write(tmp_path / "new.safetensors", plan, seed=0)
    made = load_file(tmp_path / "new.safetensors")
    assert (made["wte.weight"] == wte).all() and made["wte.weight"].dtype == np.float16
    assert (made["position_ids"] == np.arange(7)).all()
    assert verify(read_files(tmp_path / "new.safetensors"), plan, seed=0) == []


def test_a_skipped_tensor_that_was_changed_is_found_by_verify(toml, tmp_path):
    save_file(ARRAYS, tmp_path / "like.safetensors")
    plan = specs.plan(toml('like = "like.safetensors"\nskip = ["wte.*"]'))
    changed = {**ARRAYS, "wte.weight": ARRAYS["wte.weight"] + 1, "ln.weight": np.ones(4, np.float32)}
    save_file(changed, tmp_path / "changed.safetensors")
    assert [d.name for d in verify(read_files(tmp_path / "changed.safetensors"), plan, seed=0)] == ["wte.weight"]


OTHER_DTYPES = {
    "U16": 16, "U32": 32, "U64": 64, "U8": 8, "I8": 8, "C64": 64, "BOOL": 8,
    "F8_E8M0": 8, "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip


@pytest.fixture
def quantized(tmp_path):
    """A file with a tensor of each dtype of the format in which no values are drawn, and a matrix with its scales."""
    shapes = {code: ([4, 8], bits) for code, bits in OTHER_DTYPES.items()}
    shapes |= {"w": ([8, 4], 8), "w_scale": ([2, 2], 8), "weight_scale_inv": ([2, 2], 32)}
    codes = {code: code for code in OTHER_DTYPES} | {"w": "F8_E4M3", "w_scale": "F8_E8M0", "weight_scale_inv": "F32"}
    header, at = {}, 0
    for name, (shape, bits) in sorted(shapes.items(), key=lambda entry: -entry[1][1]):
        end = at + shape[0] * shape[1] * bits // 8
        header[name], at = {"dtype": codes[name], "shape": shape, "data_offsets": [at, end]}, end
    text = json.dumps(header).encode()
    path = tmp_path / "quantized.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(i % 251 for i in range(at)))
    return path


def bytes_of(path, name):
    stored = next(tensor for tensors in read_files(path).values() for tensor in tensors if tensor.name == name)
    return path.read_bytes()[stored.offset : stored.offset + stored.nbytes]


def test_tensors_of_any_dtype_are_kept_as_they_are(toml, quantized, tmp_path):
    plan = specs.plan(toml(f'like = "{quantized.name}"\nskip = {list(OTHER_DTYPES)}'))
    write(tmp_path / "new.safetensors", plan, seed=0)
    for name in OTHER_DTYPES:
        assert bytes_of(tmp_path / "new.safetensors", name) == bytes_of(quantized, name)
    assert verify(read_files(tmp_path / "new.safetensors"), plan, seed=0) == []
    with safe_open(tmp_path / "new.safetensors", "np") as file:  # the format's own library takes it
        assert set(file.keys()) == {*OTHER_DTYPES, "w", "w_scale", "weight_scale_inv"}


def test_scales_of_quantized_weights_are_ones(toml, quantized, tmp_path):
    plan = specs.plan(toml(f'like = "{quantized.name}"\nomit = {list(OTHER_DTYPES)}'))
    write(tmp_path / "new.safetensors", plan, seed=0)
    assert bytes_of(tmp_path / "new.safetensors", "w_scale") == bytes([127] * 4)  # the exponent of 1
    assert bytes_of(tmp_path / "new.safetensors", "weight_scale_inv") == np.ones(4, np.float32).tobytes()


@pytest.mark.parametrize("code", [code for code in OTHER_DTYPES if code != "F8_E4M3FNUZ"])
def test_a_dtype_in_which_no_values_are_drawn_is_refused_by_name(toml, quantized, code):
    others = [other for other in OTHER_DTYPES if other != code]
    with pytest.raises(ValueError, match=f"tensor '{code}' has dtype .*, for which no values are drawn"):
        specs.plan(toml(f'like = "{quantized.name}"\nomit = {others}'))


@pytest.mark.parametrize("code", ["F4", "F6_E2M3"])
def test_elements_of_less_than_a_byte_are_only_kept(toml, quantized, code):
    others = [other for other in OTHER_DTYPES if other != code]
    text = f'like = "{quantized.name}"\nomit = {others}\nrules = [{{ match = "*", init = "ones" }}]'
    with pytest.raises(ValueError, match=f"tensor '{code}' has dtype {code.lower()}, which is only kept: name it in `skip`"):
        specs.plan(toml(text))


def test_every_dtype_of_the_format_is_audited_or_listed(quantized):
    report = audit(quantized)
    assert {row.name for row in report.tensors} == {*OTHER_DTYPES, "w", "w_scale", "weight_scale_inv"}


def test_a_dtype_that_is_not_known_is_an_error_that_names_those_that_are(tmp_path):
    header = json.dumps({"w": {"dtype": "F9", "shape": [1], "data_offsets": [0, 1]}}).encode()
    path = tmp_path / "odd.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"0")
    with pytest.raises(ValueError, match=r"odd.safetensors is no .*: unknown variant `F9`, expected one of `BOOL`, `F4`, "):
        specs.plan(str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tensors = [", "Invalid value"),
        ("[tensor]\na = [1]", "key must be one of 'model', 'like', 'dtype', 'omit', 'tensors', 'recipe', 'rules', 's"),
        ('dtype = "float32"', "exactly one of `model`, `like` and `tensors` must say which tensors there are"),
        (
            'rules = [{ match = "*", init = "ones" }]',
            "it is a recipe, as `fastinit record` writes it, without the",
        ),
        ('model = "gpt3"', "unknown model 'gpt3': did you mean 'gpt2'?"),
        ("[tensors]\na = [-1]", "tensor 'a': shape must have no negative length, got [-1]"),
        ('[tensors]\na = "3,4"', "tensor 'a' must be a shape, as [3, 4], or a table with `shape` and `dtype`, got '3,4'"),
        ("[tensors]\na = { size = [1] }", "key of tensor 'a' must be one of 'shape', 'dtype', got 'size'"),
        ('[tensors]\na = { shape = [1], dtype = "f32" }', "dtype of tensor 'a' must be one of 'float32', 'float64', "),
        ('recipe = "gtp2"\n[tensors]\na = [1]', "unknown recipe 'gtp2': did you mean 'gpt2'?"),
        ('recipe = { name = "gpt2", n = 3 }\n[tensors]\na = [1]', "recipe 'gpt2': missing a required argument: 'depth'"),
        ("recipe = 3\n[tensors]\na = [1]", "recipe must be a name, or a table with a `name` and parameters, got 3"),
        ('skip = "a"\nmodel = "mlp"', "skip must be a list of strings, got 'a'"),
        ('omit = "a"\nmodel = "mlp"', "omit must be a list of strings, got 'a'"),
        ('skip = ["layers.0.*"]\nmodel = "mlp"', "skip has 'layers.0.weight', 'layers.0.bias', which have no values"),
        ('model = "mlp"\n[tied]\n"layers.0.bias" = "layers.2.bias"', "tied has 'layers.0.bias' of shape (512,) tied to"),
        ("[tensors]\na = [1]\nb = [2]", "no rule matches tensor 'a' of shape (1,), nor 'b' of shape (2,)"),
        ('rules = [{ match = "*" }]\n[tensors]\na = [1]', "rule 1 needs `match` and `init`, got {'match': '*'}"),
        ("tensors = 5", "tensors must be a table of names and shapes, got 5"),
        ("tensors = [1]", "tensors must be a table of names and shapes, got [1]"),
        ("[tensors]\na = [true]", "tensor 'a' must be a shape, as [3, 4], or a table with `shape` and `dtype`, got [True]"),
        ("[tensors]\na = { shape = [1.0] }", "shape of tensor 'a' must be an integer or a list of integers, got [1.0]"),
        ("model = 5", "model must be a string, got 5"),
        ("like = 1979-05-27", "like must be a string, got datetime.date(1979, 5, 27)"),
        ('model = "mlp"\nrules = [1]', "rules must be a list of tables, got [1]"),
        ('model = "mlp"\nrules = [{ match = 1, init = "ones" }]', "match of rule 1 must be a string, got 1"),
        ('model = "mlp"\nallow_unused = 1', "allow_unused must be true or false, got 1"),
        (f"model = {'[' * 10_000}", "its tables and lists are nested more than 32 deep"),
        (f"model = {'[' * 40}{']' * 40}", "its tables and lists are nested more than 32 deep"),
        (
            f'rules = [{{ match = "*", init = "normal", std = 1{"0" * 400} }}]\n[tensors]\na = [1]',
            "rule '*': std must be within the range of float64, got an int of 1329 bits",
        ),
        (
            '[tensors]\na = { shape = [2], dtype = "int64" }\n[[rules]]\nmatch = "*"\ninit = "normal"',
            "tensor 'a' has dtype int64, for which no values are drawn",
        ),
    ],
)
def test_a_wrong_toml_file_is_an_error_that_names_it_and_what_is_wrong(toml, text, message):
    path = toml(text)
    with pytest.raises(ValueError) as raised:
        specs.plan(path)
    assert str(raised.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("spec", "dtype", "message"),
    [
        ("gtp2", None, "unknown model 'gtp2': did you mean 'gpt2'?"),
        ("", None, "unknown model ''"),
        ("model.pt", None, "SPEC 'model.pt' is no .safetensors, .safetensors.index.json or .toml file"),
        ("gpt2", "float31", "dtype must be one of 'float32', 'float64', 'float16', 'bfloat16', "),
        ("gpt2", "int64", "dtype must be one of 'float32', "),
    ],
)
def test_a_wrong_spec_or_dtype_is_an_error_that_says_what_is_allowed(spec, dtype, message):
    with pytest.raises(ValueError) as raised:
        specs.plan(spec, dtype)
    assert str(raised.value).startswith(message)
