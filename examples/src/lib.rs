//! An optical power meter: driver, simulated instrument, server and client.
