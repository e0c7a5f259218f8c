"""The actions as they are shown: their forms, where they stand, how they are confirmed. Data only."""

from __future__ import annotations

from attrs import frozen

from swaplab_core.plugin import ActionSpec, Confirm, NoInput, Options, form_field
from swaplab_docker.pages import CONTAINERS_ROUTE, IMAGES_ROUTE

IMAGES, CONTAINERS, BACKENDS, TAGS = (
    "docker.images.row", "docker.containers.row", "docker.backends.row", "docker.tags.row",
)  # fmt: skip
"""The slots of the tables' rows."""

CHOICES = Options("api/plugins/docker/choices", value="image", label="label", group="group", free=True)


@frozen
class NodeForm:
    """Where."""

    node: str = form_field("Node", "", help="left out: this machine", widget="node", advanced=True)


@frozen
class PullForm(NodeForm):
    """Which image, and where."""

    image: str = form_field("Image", "", help="[registry/]name[:tag]", widget="image", options=CHOICES, order=-1)


@frozen
class TagForm:
    """One more name."""

    reference: str = form_field("New name", help="[registry/]name:tag")


@frozen
class RemoveForm(NodeForm):
    """How hard, and where."""

    force: bool = form_field(
        "With all its names", False, help="remove the image itself, even where it has more names or ended containers"
    )


@frozen
class ChooseForm:
    """Which image a backend is to use."""

    image: str = form_field(
        "Image",
        "",
        help="for its actions and its new models; left empty: as the backend itself says",
        widget="image",
        options=CHOICES,
    )


_IMAGES_HEAD, _CONTAINERS_HEAD = f"page:{IMAGES_ROUTE}", f"page:{CONTAINERS_ROUTE}"

OFFERS = (
    ActionSpec(
        "pull",
        "Pull an image",
        PullForm,
        description="Gets an image from its registry, layer by layer.",
        icon="cloud-download",
        slots=(_IMAGES_HEAD, "command-palette", TAGS),
        order=10,
    ),
    ActionSpec(
        "update",
        "Pull again",
        NodeForm,
        description="Gets the newest image of this name.",
        icon="refresh-cw",
        slots=(IMAGES,),
        target="reference",
        order=20,
    ),
    ActionSpec(
        "tag",
        "Tag",
        TagForm,
        description="Gives the image one more name.",
        icon="copy",
        slots=(IMAGES,),
        target="image",
        order=30,
    ),
    ActionSpec(
        "remove",
        "Delete",
        RemoveForm,
        description="Takes the name off the image; with its last name the image goes.",
        icon="trash-2",
        slots=(IMAGES,),
        target="image",
        confirm=Confirm.TYPE,
        confirm_text="The image is deleted from the machine.",
        danger=True,
        order=40,
    ),
    ActionSpec(
        "prune",
        "Remove dangling images",
        NoInput,
        description="Images that have lost their last name, and that no container uses.",
        icon="wrench",
        slots=(_IMAGES_HEAD,),
        confirm=Confirm.ASK,
        confirm_text="Images without a name are deleted.",
        order=50,
    ),
    ActionSpec(
        "tags",
        "Look for newer tags",
        NoInput,
        description="Asks the registries which tags the images of the backends have.",
        icon="radar",
        slots=(_IMAGES_HEAD, BACKENDS),
        target="backend",
        order=60,
    ),
    ActionSpec(
        "choose",
        "Choose the image",
        ChooseForm,
        description="The image of the backend's actions, and of its new models.",
        icon="circle-check",
        slots=(BACKENDS,),
        target="backend",
        order=10,
    ),
    ActionSpec(
        "stop",
        "Stop and remove",
        NoInput,
        description="Only what swaplab has started, and no model uses.",
        icon="octagon-x",
        slots=(CONTAINERS,),
        target="container",
        confirm=Confirm.ASK,
        confirm_text="The container is stopped and removed.",
        danger=True,
        order=10,
    ),
    ActionSpec(
        "clear",
        "Stop what was left behind",
        NoInput,
        description="Containers that swaplab has started, and no model needs any more.",
        icon="wrench",
        slots=(_CONTAINERS_HEAD,),
        confirm=Confirm.ASK,
        confirm_text="They are stopped and removed.",
        order=20,
    ),
)
