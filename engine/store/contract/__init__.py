"""The contract that every backend of the store keeps, and that its conformance suite holds."""

from engine.store.contract.store import Conflict, Evolve, Finding, Reader, Store, StoreFailed, Transaction

__all__ = ["Conflict", "Evolve", "Finding", "Reader", "Store", "StoreFailed", "Transaction"]
