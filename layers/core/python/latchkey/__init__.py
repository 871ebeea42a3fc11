"""What the operations of Latchkey share: one module per noun."""
