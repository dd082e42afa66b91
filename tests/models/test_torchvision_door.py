"""torchvision comes in whether or not its C++ extension can be loaded, each in its own process."""

import subprocess
import sys
import textwrap

PRELUDE = """
    import sys, types
    import torch
    from petvision.models.torchvision_door import torchvision
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    program = textwrap.dedent(PRELUDE) + textwrap.dedent(code)
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_without_the_extension_the_two_operators_are_defined_and_nothing_else():
    done = run("""
        def no_extension(path):
            raise OSError("no such extension")
        torch.ops.load_library = no_extension
        network = torchvision().models.resnet18(weights=None)
        assert network.fc.out_features == 1000
        assert torchvision() is torchvision()
        try:
            torch.ops.torchvision.roi_align
        except AttributeError:
            print("only those two")
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "only those two"


def test_with_the_extension_nothing_is_defined():
    done = run("""
        # Stands for the extension: what matters of it is that it registers the operators.
        own = torch.library.Library("torchvision", "DEF")
        own.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        own.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        from petvision.models import torchvision_door
        assert torchvision().models.alexnet
        assert torchvision_door._kept_alive == []
        print("left alone")
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "left alone"


def test_any_other_failure_of_torchvision_is_not_hidden():
    done = run("""
        class Broken:
            def find_spec(self, name, path=None, target=None):
                if name == "torchvision":
                    raise RuntimeError("something else")
        sys.meta_path.insert(0, Broken())
        torchvision()
    """)
    assert "something else" in done.stderr


def test_the_bundled_models_path_imports_no_torchvision():
    done = run("""
        from petvision.models import check, engine, files, handle, predict, stream, zoo
        from petvision.models.engines import openvino_engine
        assert "torchvision" not in sys.modules
    """)
    assert done.returncode == 0, done.stderr
