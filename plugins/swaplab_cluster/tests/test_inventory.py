from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from swaplab_cluster.inventory import Gang, Inventory, InventoryNode, Rdma, in_order
from swaplab_cluster.inventory_file import parse, render

SAMPLE = """\
# two machines
version: 1
rdma: {required: false, eth_if: "", ib_if: ""}
agent: {default_port: 19090}
nodes:
  - {id: w2, data_ip: 192.0.2.12, control_ip: 198.51.100.12}
  - {id: w1, data_ip: 192.0.2.9, control_ip: 198.51.100.9, ssh_user: ops, ssh_port: 2222}
  # the head
  - id: head
    head: true
    data_ip: 192.0.2.10
    control_ip: 198.51.100.10
    proxy_ip: 203.0.113.10
    root: ~/lab
    labels:
      rack: "1"
gangs:
  - {id: pair, nodes: [head, w1]}
"""


def problems(text: str) -> list[str]:
    read = parse(text, "inv.yaml")
    return [str(problem) for problem in read.problems]


def test_the_head_comes_first_and_then_the_others_by_data_address():
    inventory = parse(SAMPLE).inventory
    assert inventory is not None
    assert [node.id for node in inventory.nodes] == ["head", "w1", "w2"]
    assert inventory.nodes[0].proxy_ip == "203.0.113.10"
    assert inventory.nodes[0].labels == {"rack": "1"}
    assert inventory.gangs == (Gang("pair", ("head", "w1")),)


def test_what_is_left_out_follows_what_is_there():
    inventory = parse("nodes:\n  - {data_ip: 192.0.2.1, control_ip: host.example}\n").inventory
    assert inventory is not None
    [node] = inventory.nodes
    assert (node.id, node.proxy_ip, node.ssh_port, inventory.agent_port) == ("192.0.2.1", "host.example", 22, 19090)


def test_every_mistake_is_reported_with_its_line():
    found = problems(
        "version: 2\n"
        "nodes:\n"
        "  - {id: -oProxyCommand=x, data_ip: 192.0.2.1, control_ip: 192.0.2.1}\n"
        "  - id: a\n"
        "    data_ip: 300.1.1.1\n"
        "    ssh_port: 70000\n"
        "  - {id: b, data_ip: 192.0.2.3, control_ip: -x, ssh_user: '$(id)', root: a/b}\n"
        "  - {id: b, data_ip: 192.0.2.3, control_ip: 192.0.2.3, head: perhaps}\n"
    )
    assert [line.split(":")[1] for line in found] == ["1", "3", "4", "5", "6", "7", "7", "7", "8", "8", "8"]
    assert "'-oProxyCommand=x' is no id" in found[1]
    assert "control_ip is missing" in found[2]


def test_an_unknown_key_is_a_warning_with_a_guess():
    read = parse("nodes:\n  - {id: a, data_ip: 192.0.2.1, control_ip: 192.0.2.1, ssh_prot: 22}\n")
    assert read.inventory is not None
    assert "did you mean ssh_port?" in str(read.problems[0])


def test_a_gang_needs_two_nodes_that_are_there():
    found = problems(SAMPLE.replace("[head, w1]", "[head, w9]") + "  - {id: w1, nodes: [head]}\n")
    assert any("'w9' is no node of this inventory" in line for line in found)
    assert any("'w1' is the id of a node" in line for line in found)
    assert any("two different nodes" in line for line in found)


def test_text_that_is_no_strict_yaml_is_one_problem_with_its_line():
    for text in ("nodes: [", "a: &x 1\nb: *x\n", "a: 1\na: 2\n", "- 1\n", "\tx", "{}: 1\n"):
        assert len(problems(text)) >= 1, text
    assert problems("a: 1\nb: 2\na: 2\nnodes: []\n")[0].startswith("inv.yaml:3")


def test_no_node_is_an_error():
    assert parse("").inventory is None
    assert "there is no node" in problems("version: 1\n")[0]


def test_a_node_is_found_by_id_before_address():
    inventory = parse(SAMPLE).inventory
    assert inventory is not None
    assert {inventory.find(name).id for name in ("head", "192.0.2.10", "198.51.100.10", "203.0.113.10")} == {"head"}
    assert inventory.find("nobody") is None
    assert inventory.with_head("w2").nodes[0].id == "w2"


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=200))
def test_whatever_the_text_reading_it_never_raises(text):
    parse(text)


labels = st.dictionaries(
    st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.from_regex(r"[ -~]{0,12}", fullmatch=True).map(str.strip)
)
nodes = st.lists(st.integers(1, 250), min_size=2, max_size=5, unique=True).flatmap(
    lambda numbers: st.tuples(
        *(
            st.builds(
                InventoryNode,
                id=st.just(f"n{number}"),
                head=st.booleans(),
                data_ip=st.just(f"192.0.2.{number}"),
                control_ip=st.sampled_from([f"198.51.100.{number}", f"n{number}.example"]),
                proxy_ip=st.just(f"198.51.100.{number}"),
                executor=st.sampled_from(["", "local", "ssh", "agent"]),
                ssh_user=st.sampled_from(["", "ops"]),
                ssh_port=st.sampled_from([22, 2222]),
                agent_port=st.sampled_from([0, 19091]),
                agent_pin=st.sampled_from(["", "ab" * 32]),
                root=st.sampled_from(["", "/srv/lab", "~/lab"]),
                title=st.sampled_from(["", "the ñ: one"]),
                labels=labels,
            )
            for number in numbers
        )
    )
)


@settings(deadline=None, max_examples=25)
@given(nodes, st.booleans(), st.sampled_from([(), ("mlx5_0", "rocep1s0f1")]))
def test_what_is_written_reads_as_it_was(members, required, devices):
    gangs = (Gang("all", tuple(node.id for node in members)),)
    inventory = Inventory(in_order(members), gangs, Rdma(required, "eth0" if required else "", devices), 19095)
    assert parse(render(inventory)).inventory == inventory
