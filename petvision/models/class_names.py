"""What the classes of a bare file of tensors are called: told, in a file beside it, or guessed."""

from __future__ import annotations

from pathlib import Path

from petvision.errors import ConfigError

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_HUNDRED = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus "
    "butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch "
    "crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house "
    "kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle "
    "mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree "
    "plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark "
    "shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table "
    "tank telephone television tiger tractor train trout tulip turtle wardrobe whale "
    "willow_tree wolf woman worm "
)
CIFAR100 = tuple(_HUNDRED.split())
IMAGENET = 1000


def guessed(path: Path, count: int) -> tuple[str, ...]:
    """The names of ``count`` classes in a file without a card.

    From ``STEM.txt`` beside it (a name a line) where that has as many; CIFAR's when the file's
    name says so; ImageNet's for a thousand; numbers otherwise.
    """
    beside = path.with_suffix(".txt")
    if beside.is_file() and len(names := _lines(beside)) == count == len(set(names)):
        return names
    stem = path.stem.lower().replace("-", "").replace("_", "")
    for known, names in (("cifar100", CIFAR100), ("cifar10", CIFAR10)):
        if known in stem and len(names) == count:
            return names
    if count == IMAGENET:
        from petvision.models.torchvision_door import imagenet_classes

        return imagenet_classes()
    return numbered(count)


def numbered(count: int) -> tuple[str, ...]:
    """Names for classes of which nothing is known."""
    return tuple(f"class {number}" for number in range(count))


def parse_names(text: str) -> tuple[str, ...]:
    """Names as a person gives them: a file with a name a line, or the names with commas between.

    Raises:
        ConfigError: when a name is given twice, or there is none.
    """
    path = Path(text).expanduser()
    names = _lines(path) if path.is_file() else tuple(_clean(text.split(",")))
    if not names or len(set(names)) != len(names):
        twice = next((name for name in names if names.count(name) > 1), "")
        found = f"{twice!r} twice" if twice else "none"
        expected = "a file with a name a line, or names with commas between, each once"
        raise ConfigError("range", "--classes", key="it", expected=expected, found=found)
    return names


def _lines(path: Path) -> tuple[str, ...]:
    try:
        return tuple(_clean(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError):
        return ()


def _clean(names: list[str]) -> list[str]:
    return [name.strip() for name in names if name.strip()]
