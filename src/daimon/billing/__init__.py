"""What accounts pay for: Stripe's subscriptions, the links by which a person pays, invoices, states."""
