"""The choice of agents. A new one is a class in a module beside this one, and a line here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rlgames.settings.deep_agents import C51, DQN, ActorCritic, DoubleDQN, HLGauss, ValueNetwork
from rlgames.settings.encoders import AutoEncoder, Keypoints
from rlgames.settings.linear_agents import (
    ActorCriticLambda,
    DenseTrueOnlineSarsaLambda,
    DenseTrueOnlineTDLambda,
    ExpectedSarsa,
    NStepSarsa,
    QLearning,
    ReinforceBaseline,
    Sarsa,
    SarsaLambda,
    SparseTrueOnlineSarsaLambda,
    SparseTrueOnlineTDLambda,
    TrueOnlineSarsaLambda,
)

Agent = Annotated[
    Sarsa
    | ExpectedSarsa
    | QLearning
    | NStepSarsa
    | SarsaLambda
    | TrueOnlineSarsaLambda
    | ReinforceBaseline
    | ActorCriticLambda
    | DQN
    | DoubleDQN
    | C51
    | HLGauss
    | ActorCritic
    | DenseTrueOnlineSarsaLambda
    | SparseTrueOnlineSarsaLambda
    | DenseTrueOnlineTDLambda
    | SparseTrueOnlineTDLambda
    | ValueNetwork
    | AutoEncoder
    | Keypoints,
    Field(discriminator="name"),
]
