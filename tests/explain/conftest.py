import pytest

from petvision.models.handle import ModelHandle
from petvision.models.resnet import ResNet
from tests.explain.tiny import handle_of, small_resnet


@pytest.fixture(scope="session")
def resnet() -> ResNet:
    return small_resnet()


@pytest.fixture(scope="session")
def resnet_handle(resnet: ResNet) -> ModelHandle:
    return handle_of(resnet, 64)
