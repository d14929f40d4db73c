"""Real control planes on loopback, for the demo, the tests, the benchmarks and rehearsals."""
