"""What is made of what: the one place that knows every part, and hands each what it needs.

No container, no magic: constructors are called, from the outermost part to the services. Whoever
wants another part in some place calls the same constructors with it, as the unit tests do.
"""

from dataclasses import dataclass

from .adapters.access_tokens import AccessTokens
from .adapters.passwords import Passwords
from .adapters.provider import Provider
from .adapters.rate_limit import RateLimits
from .controllers.oauth import CALLBACK
from .domain.clock import Clock
from .domain.sessions import Lifetimes
from .repositories.database import Database
from .services.accounts import AccountService
from .services.admins import AdminService
from .services.cookie_sessions import CookieSessionService
from .services.credentials import CredentialService
from .services.health import HealthService
from .services.identification import Identification
from .services.oauth import OAuthService
from .services.orders import OrderService
from .services.ports import (
    AccessTokenSigner,
    IdentityProvider,
    PasswordHasher,
    RateLimiter,
    Work,
)
from .services.products import ProductService
from .services.reports import ReportService
from .services.retention import RetentionService
from .services.sessions import SessionService
from .services.stock import StockService
from .services.tokens import TokenService
from .services.users import UserService
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Outside:
    """What has to be opened and closed: it holds connections and threads."""

    database: Database
    passwords: Passwords
    provider: Provider | None

    async def open(self) -> None:
        """Begin connecting."""
        await self.database.open()

    async def close(self) -> None:
        """Let go of everything."""
        self.passwords.close()
        if self.provider is not None:
            await self.provider.close()
        await self.database.close()


@dataclass(frozen=True, slots=True)
class Ports:
    """What fills the ports of the services."""

    work: Work
    clock: Clock
    passwords: PasswordHasher
    signer: AccessTokenSigner
    limits: RateLimiter
    provider: IdentityProvider | None
    lifetimes: Lifetimes


@dataclass(frozen=True, slots=True)
class Services:
    """One of each."""

    health: HealthService
    identification: Identification
    users: UserService
    products: ProductService
    stock: StockService
    orders: OrderService
    reports: ReportService
    accounts: AccountService
    tokens: TokenService
    cookie_sessions: CookieSessionService
    sessions: SessionService
    oauth: OAuthService
    admins: AdminService
    retention: RetentionService


def outside(settings: Settings, clock: Clock) -> Outside:
    """Make what the service has of the outside."""
    # Never made of a request's Host header, which is the sender's to write.
    redirect_uri = settings.public_url + CALLBACK
    return Outside(
        Database(settings),
        Passwords(
            settings.password_pepper.get_secret_value(),
            settings.bcrypt_cost,
            settings.password_threads,
        ),
        Provider(settings, redirect_uri, clock) if settings.oidc_issuer else None,
    )


def ports(settings: Settings, outside: Outside, clock: Clock) -> Ports:
    """Fill the services' ports with PostgreSQL, bcrypt, JWT, counters in memory, and a provider."""
    return Ports(
        outside.database.unit_of_work,
        clock,
        outside.passwords,
        AccessTokens(settings.jwt_keys, settings.jwt_issuer, settings.jwt_audience),
        RateLimits(
            login_per_address=settings.login_per_address,
            login_per_pair=settings.login_per_pair,
            login_per_account=settings.login_per_account,
            signup_per_address=settings.signup_per_address,
            refresh_per_address=settings.refresh_per_address,
            oauth_per_address=settings.oauth_per_address,
        ),
        outside.provider,
        Lifetimes(
            access_token=settings.access_token_lifetime,
            refresh_token=settings.refresh_token_lifetime,
            family=settings.family_lifetime,
            grace=settings.refresh_grace,
            session=settings.session_lifetime,
            idle=settings.session_idle,
        ),
    )


def services(of: Ports) -> Services:
    """Make the services, on whatever fills their ports."""
    users = UserService(of.work)
    credentials = CredentialService(of.work, of.passwords, of.limits)
    cookies = CookieSessionService(of.work, of.clock, credentials, of.lifetimes)
    return Services(
        health=HealthService(of.work),
        identification=Identification(of.work, of.clock, of.signer, of.lifetimes),
        users=users,
        products=ProductService(of.work),
        stock=StockService(of.work),
        orders=OrderService(of.work),
        reports=ReportService(of.work, of.clock),
        accounts=AccountService(of.work, of.clock, users, of.passwords, of.limits),
        tokens=TokenService(
            of.work,
            of.clock,
            credentials=credentials,
            limits=of.limits,
            signer=of.signer,
            lifetimes=of.lifetimes,
        ),
        cookie_sessions=cookies,
        sessions=SessionService(of.work, of.clock),
        oauth=OAuthService(of.work, of.clock, cookies, of.limits, of.provider),
        admins=AdminService(of.work, of.passwords),
        retention=RetentionService(of.work, of.clock),
    )
