"""Reads deploy/topology.yaml; every complaint names the key it is about."""

import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import get_args

import yaml

from devstack.errors import TopologyError
from devstack.topology import (
    Check,
    Container,
    Health,
    Kind,
    Match,
    Process,
    Route,
    Secret,
    Stop,
    Topology,
)
from devstack.yaml_section import Section

Groups = Mapping[str, Mapping[str, str]]


def load_topology(path: Path) -> Topology:
    """The table of the file, checked as a whole."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TopologyError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise TopologyError(f"{path}: not YAML: {error}") from error
    return parse_topology(document)


def parse_topology(document: object) -> Topology:
    top = Section("", document)
    groups = _groups(top.section("environment"))
    processes = top.section("processes")
    topology = Topology(
        port_base=top.integer("port_base"),
        database=top.text("database"),
        secrets=_secrets(top.section("secrets")),
        processes={
            name: _process(name, processes.section(name), groups) for name in processes.names()
        },
        routes=tuple(_route(section) for section in top.sections("routes")),
        trusted_proxies=_networks(top, "trusted_proxies"),
    )
    top.done()
    _check_names(topology)
    _check_ports(topology)
    return topology


def _networks(section: Section, key: str) -> tuple[str, ...]:
    values = section.texts(key)
    for value in values:
        try:
            ip_network(value)
        except ValueError as error:
            raise TopologyError(f"{section.at(key)}: {value!r} is no network") from error
    return values


def _groups(section: Section) -> Groups:
    return {name: section.text_map(name) for name in section.names()}


def _secrets(section: Section) -> dict[str, Secret]:
    return {name: _secret(name, section.section(name)) for name in section.names()}


def _secret(name: str, section: Section) -> Secret:
    form = section.choice("form", ("plain", "ring"))
    secret = Secret(name, section.text("variable"), "ring" if form == "ring" else "plain")
    section.done()
    return secret


def _process(name: str, section: Section, groups: Groups) -> Process:
    environment = _environment(section, groups)
    process = Process(
        name=name,
        kind=section.choice("kind", get_args(Kind)),
        command=section.texts("command"),
        port=section.integer("port") if section.has("port") else None,
        ports=section.integer_map("ports"),
        roles=section.texts("roles"),
        needs=section.texts("needs"),
        environment=environment,
        properties=section.text_map("properties"),
        options=section.text_map("options"),
        arguments=section.texts("arguments"),
        health=_health(section.section("health")),
        stop=_stop(section.section("stop")),
        container=_container(section.section("container")),
    )
    section.done()
    return process


def _environment(section: Section, groups: Groups) -> dict[str, str]:
    merged: dict[str, str] = {}
    for group in section.texts("uses"):
        if group not in groups:
            raise TopologyError(f"{section.at('uses')}: no environment group {group!r}")
        merged.update(groups[group])
    return {**merged, **section.text_map("environment")}


def _health(section: Section) -> Health:
    health = Health(
        check=section.choice("check", get_args(Check)),
        path=section.text("path", "/"),
        timeout=section.integer("timeout"),
    )
    section.done()
    return health


def _stop(section: Section) -> Stop:
    stop = Stop(section.choice("signal", ("TERM", "INT", "QUIT")), section.integer("grace"))
    section.done()
    return stop


def _container(section: Section) -> Container:
    if section.has("image") == section.has("build"):
        raise TopologyError(f"{section.at('image')}: exactly one of image and build is wanted")
    container = Container(
        image=section.maybe_text("image"),
        build=section.maybe_text("build"),
        port=section.integer("port", 0),
        ports=section.integer_map("ports"),
        folder=section.maybe_text("folder"),
        memory=section.text("memory"),
        shared_memory=section.maybe_text("shared_memory"),
        publish=section.flag("publish"),
        environment=section.text_map("environment"),
        health=section.texts("health"),
    )
    section.done()
    return container


def _route(section: Section) -> Route:
    kinds = [match for match in get_args(Match) if section.has(match)]
    if len(kinds) != 1:
        raise TopologyError(f"{section.at('exact')}: one of exact, prefix, pattern is wanted")
    route = Route(
        match=kinds[0],
        path=section.text(kinds[0]),
        to=section.text("to"),
        hidden=section.choice("log", ("path", "hidden"), "path") == "hidden",
        timeout=section.integer("timeout", 60),
        large_headers=section.flag("large_headers"),
    )
    section.done()
    if route.match == "pattern":
        _check_pattern(section, route)
    return route


def _check_pattern(section: Section, route: Route) -> None:
    try:
        re.compile(route.path)
    except re.error as error:
        raise TopologyError(f"{section.at('pattern')}: {error}") from error


def _check_names(topology: Topology) -> None:
    for process in topology.processes.values():
        for need in process.needs:
            if need not in topology.processes:
                raise TopologyError(f"processes.{process.name}.needs: no process {need!r}")
    for number, route in enumerate(topology.routes):
        if route.to not in topology.processes:
            raise TopologyError(f"routes[{number}].to: no process {route.to!r}")


def _check_ports(topology: Topology) -> None:
    taken: dict[int, str] = {}
    for process in topology.processes.values():
        for name, offset in process.all_ports.items():
            key = f"processes.{process.name}.{'port' if name == 'main' else 'ports.' + name}"
            if offset in taken:
                raise TopologyError(f"{key}: {offset} is already the offset of {taken[offset]}")
            taken[offset] = process.name
