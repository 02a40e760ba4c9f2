"""What is to be expected, over HTTP."""

from daimon.accounts import service as accounts
from daimon.accounts.errors import AccountNotFound
from daimon.api import forecast_schema as examples
from daimon.api.answer import Answer
from daimon.api.forecast_schema import ForecastView, forecast_view
from daimon.api.operation import operation
from daimon.api.request import Request
from daimon.billing.forecast import forecast
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission


@operation(
    "GET",
    "/v1/billing/forecast",
    tag="billing",
    permission=Permission.BILLING_READ,
    reach=KeyScope.ACCOUNT,
    errors=(AccountNotFound,),
    example=examples.GET_FORECAST,
)
async def get_forecast(request: Request) -> Answer[ForecastView]:
    """Foretell use and cost at the end of the month, and when each limit will be met, at the present pace.

    The pace is that of the last seven days. The event `limit.warning` tells when a limit is used by 80 % and by all.
    """
    account = await accounts.get(request.db, request.principal.scope)
    limits = request.services.inbox_policy.tiers[account.tier]
    found = await forecast(request.db, account, limits, now=request.now)
    steps = ["By pod, team or cost centre: GET /v1/billing/splits/report", "Day by day: GET /v1/usage"]
    return Answer(forecast_view(found, request.now), steps)
