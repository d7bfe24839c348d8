"""Plays cells: one episode after another, in worker processes, committed as soon as played."""

from vla_backfire.runner.episode import PlayableWorld, check_contract, play_episode, policy_seed
from vla_backfire.runner.pool import Block, Played, Setting, play_blocks

__all__ = [
    "Block",
    "PlayableWorld",
    "Played",
    "Setting",
    "check_contract",
    "play_blocks",
    "play_episode",
    "policy_seed",
]
