"""The order of cutting decides between poses of a block's sections at several depths."""

from itertools import product

import numpy as np
import pytest

from virtual_staining.register.search.block.depth_order import choose_in_order, fits_between
from virtual_staining.register.search.block.stack import Stack
from virtual_staining.register.similarity import pose as poses

# Three poses of each of four sections; the third section fits best at a wrong depth.
DEPTHS = np.array([[0.0, 900, 50], [200, 700, 10], [950, 400, 100], [600, 0, 300]])
SCORES = np.array([[1.0, 0.5, 0.6], [1.0, 0.9, 0.2], [1.0, 0.98, 0.3], [1.0, 0.4, 0.5]])


@pytest.mark.parametrize("orders", [[1, 2, 3, 4], [9, 7, 5, 1]])
def test_depths_rise_or_fall_with_the_order(orders):
    chosen, in_order = choose_in_order(SCORES, DEPTHS, np.array(orders, float))
    assert chosen.tolist() == [0, 0, 1, 0] and in_order.all()


def test_a_section_without_order_is_free():
    chosen, in_order = choose_in_order(SCORES, DEPTHS, np.array([1, 2, np.nan, 3]))
    assert chosen.tolist() == [0, 0, 0, 0] and in_order.all()


def test_the_choice_is_the_best_of_all():
    rng = np.random.default_rng(0)
    for _ in range(30):
        scores, depths = rng.uniform(1, 2, (4, 3)), rng.uniform(0, 9, (4, 3))
        orders = rng.permutation(4) + 1.0
        row, cost = np.argsort(orders), 0.5 * scores.max(1).mean()

        def worth(pick, scores=scores, depths=depths, row=row, cost=cost):
            along = depths[np.arange(4), list(pick)][row]
            wrong = min((np.diff(along) <= 0).sum(), (np.diff(along) >= 0).sum())
            return scores[np.arange(4), list(pick)].sum() - cost * wrong

        best = max(product(range(3), repeat=4), key=worth)
        assert worth(choose_in_order(scores, depths, orders)[0]) == pytest.approx(worth(best))


def test_an_order_that_cannot_hold_is_said_and_costs():
    pose = np.stack([poses.UPRIGHT + depth * np.eye(12)[2] for depth in (0, 500, 250)])[:, None]
    pose = np.concatenate([pose, pose], 1)
    free = Stack(pose, np.ones((3, 2)))
    told = Stack(pose, np.ones((3, 2)), np.array([1.0, 2, 3]))
    assert free.in_order.all() and told.in_order.tolist() == [True, False, False]
    assert told.total < 0.8 * free.total
    right = Stack(pose, np.ones((3, 2)), np.array([1.0, 3, 2]))
    assert right.in_order.all() and right.total == pytest.approx(free.total)


def test_rivals_lie_between_the_neighbours():
    orders, chosen = np.array([1, 2, 3, np.nan]), np.array([0.0, 200, 400, 900])
    depths = np.array([-50.0, 50, 350, 500])
    assert fits_between(depths, chosen, orders, 1).tolist() == [False, True, True, False]
    assert fits_between(depths, chosen[::-1], orders[::-1], 2).tolist() == [
        False,
        True,
        True,
        False,
    ]
    assert fits_between(depths, chosen, orders, 3).all()
