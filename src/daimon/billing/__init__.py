"""What accounts pay for: Stripe's subscriptions, links to pay by, invoices; how that is split, and what to expect."""
