"""Networks that others have published to topologies of ours: ``graphml`` and ``node_link`` read, ``topohub`` finds,
``assembling`` gives them what they lack."""
