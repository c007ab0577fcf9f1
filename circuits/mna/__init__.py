"""Modified nodal analysis of small circuits, batched: operating points, transients, small signals, noise.

    dQ_i/dt + I_i = 0 at every node,   V_plus - V_minus = u(t) for every source that is not tied to ground

Nodes that grounded sources hold are no unknowns. Everything is laid out with nodes first and the flat batch last.
"""
