from pathlib import Path

import pytest

from copygen.errors import InvalidFile

from finetune.recipe import load_recipe

RECIPES = sorted((Path(__file__).parent.parent / "finetune" / "recipes").glob("*.toml"))
GOOD = 'name = "x"\nbase_model = "y"\n[train]\nlearning_rate = 3e-4\n'


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_of_the_house_loads_and_opens_with_its_command(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert path.read_text(encoding="utf-8").startswith(f"# copygen-finetune sft --recipe finetune/recipes/{path.name}")


def test_defaults(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(GOOD, encoding="utf-8")
    recipe = load_recipe(path)
    assert recipe.train.learning_rate == 3e-4
    assert (recipe.lora.rank, recipe.data.own, recipe.vocabulary) == (16, "prompts/exemplars", None)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param(GOOD + "epochs = 3\n", "train.epochs", id="unknown key"),
        pytest.param(GOOD.replace("3e-4", "-1"), "train.learning_rate", id="out of range"),
        pytest.param(GOOD.replace('base_model = "y"\n', ""), "base_model", id="missing key"),
        pytest.param('name = "x"\nbase_model = "y"\n', "train", id="missing table"),
        pytest.param(GOOD + '[data]\nown_epochs = "two"\n', "data.own_epochs", id="wrong type"),
        pytest.param(GOOD + 'precision = "fp8"\n', "train.precision", id="not a choice"),
        pytest.param("name = \n", "line 1", id="not TOML"),
        pytest.param(GOOD.replace('"x"', '"甲"').encode("gb18030"), "utf-8", id="another encoding"),
    ],
)
def test_broken_recipe_names_the_key(tmp_path: Path, text: str | bytes, key: str) -> None:
    path = tmp_path / "r.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidFile) as caught:
        load_recipe(path)
    assert caught.value.path == str(path)
    assert key in caught.value.message


def test_missing_recipe(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="cannot be read"):
        load_recipe(tmp_path / "none.toml")
