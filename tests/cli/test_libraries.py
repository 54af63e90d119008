"""SPECs of models that other libraries build: the bits of `init_`, in files that the libraries load."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("torch")

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from typer.testing import CliRunner

import fastinit
from fastinit import recipes
from fastinit.cli.app import app
from fastinit.cli.plans import plan, recipe_of, side_of
from fastinit.files.checkpoint import verify, write
from fastinit.files.reading import read_files
from fastinit.recipes.comparison import compared
from fastinit.torch import deferred, init_

FACTORIES = """
import torch
from torch import nn

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.norm = nn.Linear(8, 6), nn.BatchNorm1d(6)
        self.down = nn.Linear(6, 8)
        nn.init.orthogonal_(self.down.weight)
        self.register_buffer("ids", torch.arange(5))
        self.register_buffer("given", torch.tensor([1.0, 2.0, 3.0]))
        self.register_buffer("unsaved", torch.ones(2), persistent=False)

def tied():
    model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 10, bias=False))
    model[1].weight = model[0].weight
    return model

def copies():
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)

class Views(nn.Module):
    def __init__(self):
        super().__init__()
        self.whole = nn.Parameter(torch.randn(6, 4))
        self.turned, self.first = nn.Parameter(self.whole.detach().T), nn.Parameter(self.whole.detach()[1:3])

def looking():
    model = nn.Linear(4, 4)
    with torch.no_grad():
        model.weight.copy_(torch.eye(4)[torch.randperm(4).tolist()])
    return model

def blocks(std=0.02, start=1):
    block = nn.Sequential(*(nn.Linear(8, 8) for _ in range(12)))
    for layer in block:
        nn.init.normal_(layer.weight, std=std)
        layer.register_buffer("freq", 1 / torch.arange(start, start + 4))
        layer.register_buffer("ids", torch.arange(3))
    return block

def narrower():
    return blocks(std=0.01)

def later():
    return blocks(start=2)

class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(3, 4))

a_number, a_list = 3, lambda: [3]
"""

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 16, "intermediate_size": 24,
    "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 50, "tie_word_embeddings": True,
}  # fmt: skip


@pytest.fixture
def factories(tmp_path, monkeypatch):
    (tmp_path / "factories.py").write_text(FACTORIES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("factories", None)


@pytest.fixture
def folder(tmp_path):
    """Makes a Hugging Face directory of a config."""
    pytest.importorskip("transformers")

    def make(**config):
        (tmp_path / "config.json").write_text(json.dumps(config))
        return tmp_path

    return make


def written(path, spec, dtype=None, seed=0):
    """The tensors of the file that is written for SPEC, and its plan."""
    planned = plan(str(spec), dtype, seed)
    write(path / "made.safetensors", planned, seed, overwrite=True)
    return load_file(path / "made.safetensors"), planned


def initialized(factory, dtype=None, seed=0):
    with deferred(seed):
        model = factory()
    init_(model, seed=seed, dtype=dtype)
    return model


def assert_equal(tensors, state):
    for name, tensor in tensors.items():
        assert tensor.dtype == state[name].dtype, name
        assert torch.equal(tensor, state[name]), name


@pytest.mark.parametrize("dtype", [None, "bfloat16"])
@pytest.mark.parametrize(
    ("name", "left_out"), [("Small", set()), ("tied", {"1.weight"}), ("copies", set()), ("Views", set())]
)
def test_a_factorys_file_has_the_bits_of_init_(factories, name, left_out, dtype):
    tensors, planned = written(factories, f"factories:{name}", dtype, seed=3)
    state = initialized(getattr(sys.modules["factories"], name), dtype, seed=3).state_dict()
    assert set(tensors) == set(state) - left_out
    assert_equal(tensors, state)
    assert verify(read_files(factories / "made.safetensors"), planned, seed=3) == []


def test_what_construction_looked_at_is_by_the_seed(factories):
    tensors, _ = written(factories, "factories:looking", seed=5)
    assert_equal(tensors, initialized(sys.modules["factories"].looking, seed=5).state_dict())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": 5}, "model_type must be a string, got 5"),
        ({"architectures": [5]}, "architectures must be a list of strings, got [5]"),
        ({"architectures": "LlamaForCausalLM"}, "architectures must be a list of strings, got 'LlamaForCausalLM'"),
        ({**CONFIG, "hidden_size": "much"}, ""),
        ({**CONFIG, "hidden_size": -3}, ""),
        ({**CONFIG, "num_attention_heads": 0}, ""),
    ],
)
def test_a_config_of_which_no_model_can_be_built_is_an_error_that_names_it(folder, config, message):
    with pytest.raises(ValueError) as refusal:
        plan(str(folder(**config)))
    assert "config.json: transformers cannot build it: " in str(refusal.value) and message in str(refusal.value)


def said_by_verify(path, *arguments):
    done = CliRunner().invoke(app, ["verify", str(path), *arguments])
    return done.output, done.exit_code


def test_a_file_of_a_config_is_verified_alone_wherever_the_config_lay(folder, tmp_path):
    config = folder(**CONFIG, _name_or_path="/home/somebody/llama", layers=[{"_name_or_path": "/home/somebody"}])
    CliRunner().invoke(app, ["init", str(config), "-o", str(tmp_path / "made.safetensors"), "--seed", "3"])
    (config / "config.json").unlink()
    assert said_by_verify(tmp_path / "made.safetensors")[0].endswith("tensors are as seed 3 makes them\n")
    assert b"somebody" not in (tmp_path / "made.safetensors").read_bytes()


def test_a_file_of_code_is_verified_only_where_the_code_is_named(factories):
    CliRunner().invoke(app, ["init", "factories:tied", "-o", "made.safetensors"])
    said, code = said_by_verify("made.safetensors")
    assert "it was made by the code 'factories:tied', which is run only where you give it as SPEC" in said and code == 2
    assert said_by_verify("made.safetensors", "factories:tied")[1] == 0


def test_what_nothing_initializes_is_nan_and_said(factories, capsys):
    tensors, _ = written(factories, "factories:Bare")
    assert tensors["weight"].isnan().all()
    assert "fastinit: warning: nothing initializes weight: NaN" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads the peak of memory from /proc")
def test_memory_does_not_grow_with_the_model(tmp_path):
    """512 MiB of weights, half of which are computed by running steps: a tensor at a time, and what it is made of."""
    (tmp_path / "large.py").write_text(
        "from torch import nn\n"
        "def model():\n"
        "    layers = nn.Sequential(*(nn.Linear(2048, 2048, bias=False) for _ in range(32)))\n"
        "    for layer in layers[:16]:\n"
        "        layer.weight.data = layer.weight.data.sin()\n"
        "    return layers\n"
    )
    code = (
        "import re, sys\n"
        "from fastinit.cli.app import run\n"
        "for option in ('--dry-run', '--output=x.safetensors'):\n"
        "    sys.argv = ['fastinit', 'init', 'large:model', option]\n"
        "    try:\n        run()\n"
        "    except SystemExit as ended:\n        assert not ended.code\n"
        "    print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    before, after = map(int, done.stderr.split())
    assert (after - before) * 1024 < 160 * 2**20


@pytest.mark.parametrize("config", [CONFIG, {**CONFIG, "dtype": "bfloat16", "tie_word_embeddings": False}])
@pytest.mark.parametrize("dtype", [None, "float16"])
def test_a_configs_file_is_loaded_by_its_library(folder, config, dtype):
    import transformers

    path = folder(**config)
    tensors, _ = written(path, path / "config.json", dtype, seed=1)
    settings = transformers.AutoConfig.from_pretrained(path)
    expected = initialized(lambda: transformers.AutoModelForCausalLM.from_config(settings), dtype, seed=1)
    assert_equal(tensors, expected.state_dict())
    (path / "made.safetensors").rename(path / "model.safetensors")
    loaded, info = transformers.LlamaForCausalLM.from_pretrained(
        path, output_loading_info=True, dtype=next(iter(tensors.values())).dtype
    )
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert_equal(loaded.state_dict(), expected.state_dict())
    assert ("lm_head.weight" in tensors) is not config["tie_word_embeddings"]


@pytest.mark.parametrize(
    ("architectures", "has_head"), [(["LlamaModel"], False), (["LlamaForCausalLM"], True), (["Unknown"], True), (None, True)]
)
def test_the_class_is_the_one_that_the_config_names(folder, architectures, has_head):
    config = {**CONFIG, "architectures": architectures, "tie_word_embeddings": False}
    assert ("lm_head.weight" in plan(str(folder(**config)))) is has_head


def test_tied_tensors_have_the_name_that_save_pretrained_keeps(folder, tmp_path):
    import transformers

    config = {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 16, "d_ff": 24, "d_kv": 8}
    tensors, _ = written(tmp_path, folder(**config, num_layers=1, num_heads=2, vocab_size=30))
    settings = transformers.AutoConfig.from_pretrained(tmp_path)
    model = transformers.T5ForConditionalGeneration(settings)
    model.save_pretrained(tmp_path / "saved")
    with safe_open(tmp_path / "saved" / "model.safetensors", "pt") as saved:
        assert set(tensors) == set(saved.keys())


@pytest.mark.parametrize(
    "spec", ["timm:vit_tiny_patch16_224", "timm:resnet18", "torchvision:swin_t", "torchvision:resnet18"]
)
def test_a_librarys_model_has_the_bits_of_init_(tmp_path, spec):
    library, name = spec.split(":")
    module = pytest.importorskip(library)
    make = module.create_model if library == "timm" else module.models.get_model
    tensors, _ = written(tmp_path, spec, seed=2)
    state = initialized(lambda: make(name), seed=2).state_dict()
    assert set(tensors) == set(state)
    assert_equal(tensors, state)


def test_a_backbone_is_not_downloaded():
    pytest.importorskip("torchvision")
    assert "backbone.body.conv1.weight" in plan("torchvision:fasterrcnn_resnet50_fpn")


def test_a_config_of_diffusers_is_built(tmp_path):
    pytest.importorskip("diffusers")
    config = {"_class_name": "UNet2DModel", "block_out_channels": [32, 32], "layers_per_block": 1, "norm_num_groups": 8}
    blocks = {"down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2}
    (tmp_path / "config.json").write_text(json.dumps({**config, **blocks}))
    assert plan(str(tmp_path))["conv_in.weight"].spec.shape == (32, 3, 3, 3)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("timm:resnet5O", "timm has no model 'resnet5O': did you mean 'resnet50'?"),
        ("torchvision:swin_tt", "torchvision has no model 'swin_tt': did you mean 'swin_t'?"),
        ("factories:tide", "factories has no model 'tide': did you mean 'tied'?"),
        ("factories:a_number", "SPEC 'factories:a_number' must name a function or a class, got int"),
        ("factories:a_list", "SPEC 'factories:a_list' must give a torch.nn.Module, got list"),
        ("nowhere:model", "SPEC 'nowhere:model': there is no module 'nowhere'"),
        ("tim:resnet50", "SPEC 'tim:resnet50': there is no module 'tim': did you mean 'timm'?"),
        (":resnet50", "SPEC ':resnet50': before the colon stands timm, torchvision or a module, got ''"),
        (".", "directory . has no config.json"),
    ],
)
def test_a_wrong_spec_is_an_error_that_names_the_nearest(factories, spec, message):
    if spec.partition(":")[0] in ("timm", "torchvision"):
        pytest.importorskip(spec.partition(":")[0])
    with pytest.raises(ValueError) as raised:
        plan(spec)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "llamaa"}, "has no model_type 'llamaa': did you mean 'llama'? code beside a config is not run; "),
        ({"hidden_size": 3}, "config.json is no Hugging Face config (no `model_type`, no `architectures`), and no index"),
    ],
)
def test_a_wrong_config_is_an_error_that_says_what_is_missing(folder, config, message):
    with pytest.raises(ValueError) as raised:
        plan(str(folder(**config)))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("spec", "missing", "install"),
    [
        ("timm:resnet50", "timm", "torch timm"),
        ("torchvision:swin_t", "torchvision", "torch torchvision"),
        ("config.json", "transformers", "torch transformers"),
        ("factories:Small", "torch", "torch"),
    ],
)
def test_a_missing_library_is_an_error_that_says_what_to_install(factories, monkeypatch, spec, missing, install):
    (factories / "config.json").write_text(json.dumps(CONFIG))
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError) as raised:
        plan(spec)
    assert str(raised.value) == f"SPEC {spec!r} needs {missing}: pip install {install}"


def test_the_command_writes_and_verifies_a_factorys_model(factories):
    command = [sys.executable, "-m", "fastinit"]
    done = subprocess.run([*command, "init", "factories:Small", "-o", "x.safetensors"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run([*command, "verify", "x.safetensors", "factories:Small"], capture_output=True, text=True)
    assert done.stdout == "x.safetensors: all 11 tensors are as seed 0 makes them\n"


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "fastinit", *arguments], capture_output=True, text=True)


def test_record_writes_a_recipe_that_does_not_differ_from_its_model(factories):
    assert run("record", "factories:blocks", "-o", "recipe.toml").returncode == 0
    assert recipes.load("recipe.toml").rules[0].initializer == fastinit.get("normal", std=0.02)
    done = run("diff", "recipe.toml", "factories:blocks")
    assert (done.returncode, done.stdout) == (0, "recipe.toml and factories:blocks: all 48 are alike\n")
    done = run("record", "factories:blocks", "-o", "recipe.toml")
    assert (done.returncode, done.stderr) == (2, "fastinit: recipe.toml exists already; --overwrite replaces it\n")


def test_diff_is_a_table_and_exit_status_1(factories):
    done = run("diff", "factories:blocks", "factories:narrower")
    assert done.returncode == 1
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["tensor", "tensors", "factories:blocks", "factories:narrower"],
        ["*.weight", "12", "Normal(std=0.02)", "Normal(std=0.01)"],
        ["12", "of", "48", "differ"],
    ]


def test_diff_of_what_is_computed_compares_the_programs(factories):
    found = compared(side_of("factories:blocks"), side_of("factories:later"))
    assert [(d.pattern, len(d.names)) for d in found.differences] == [("*.freq", 12)]
    assert not compared(side_of("factories:later"), side_of("factories:later")).differences


def test_diff_as_json_names_each_tensor(factories):
    (factories / "a.toml").write_text('rules = [{ match = "w", init = "ones" }]')
    (factories / "b.toml").write_text('rules = [{ match = "w", init = "zeros" }]')
    done = run("diff", "a.toml", "b.toml", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["different"] == [{"name": "w", "left": "Ones()", "right": "Zeros()"}]


@pytest.mark.parametrize("model", ["w.safetensors", "recipe.toml", "gtp2"])
def test_record_takes_models_only(model):
    with pytest.raises(ValueError, match=f"MODEL must be .*{model}|unknown model '{model}': did you mean 'gpt2'?"):
        recipe_of(model)
