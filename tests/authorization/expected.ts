/*
 * What each may do, written by hand and on purpose apart from the tables in contracts/permissions: where the two differ,
 * one of them is wrong. A line is an operation (behind `|`, a case of it), a column who tries it.
 *
 * ok: it is authorised, whatever comes of it; 401: nobody is known; 403: it is forbidden; 404: it is not there for them;
 * no (of calls): refused.
 *
 * nobody: without a token. outsider: a member of the installation who takes no part in the conversation. guest, bot: their
 * role in the installation, taking part. member, owner, removed: of the conversation, members of the installation.
 * disabled: an account that takes part, with a token from before. admin, root (an owner of the installation): taking no part.
 */

/** Every public route, asked through web with a bearer token. */
export const ROUTES = `
                                                           nobody outsider guest member owner removed disabled bot admin root
# for everybody, whoever one is
GET /v1/entry                                              ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
POST /v1/accounts                                          ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
POST /v1/accounts/resend                                   ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
POST /v1/accounts/confirm                                  ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
POST /v1/sessions                                          ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
POST /v1/sessions/second-factor                            ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
POST /v1/password-reset                                    ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
POST /v1/password-reset/confirm                            ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
POST /v1/passkey-log-in/begin                              ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
POST /v1/passkey-log-in                                    ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
GET /v1/sign-on/:provider                                  ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
GET /v1/sign-on/:provider/callback                         ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
GET /v1/sign-on/link                                       ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
POST /v1/sign-on/link                                      ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
POST /v1/token                                             ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
POST /v1/token/revoke                                      ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
GET /*                                                     ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
# by what the caller holds beside a bearer token
POST /v1/token/refresh                                     401    ok       ok    ok     ok    ok      401      ok  ok    ok
GET /v1/sessions/current                                   401    401      401   401    401   401     401      401 401   401
GET /v1/sessions/current | by cookie                       401    ok       ok    ok     ok    ok      401      ok  ok    ok
POST /v1/socket-token                                      401    401      401   401    401   401     401      401 401   401
POST /v1/socket-token | by cookie                          401    ok       ok    ok     ok    ok      401      ok  ok    ok
DELETE /v1/sessions/current                                ok     ok       ok    ok     ok    ok      ok       ok  ok    ok
# the own account: people only
GET /v1/account                                            401    ok       ok    ok     ok    ok      401      403 ok    ok
POST /v1/account/password                                  401    ok       ok    ok     ok    ok      401      403 ok    ok
POST /v1/account/email                                     401    ok       ok    ok     ok    ok      401      403 ok    ok
POST /v1/account/email/confirm                             401    ok       ok    ok     ok    ok      401      403 ok    ok
POST /v1/account/totp                                      401    ok       ok    ok     ok    ok      401      403 ok    ok
POST /v1/account/totp/confirm                              401    ok       ok    ok     ok    ok      401      403 ok    ok
POST /v1/account/totp/remove                               401    ok       ok    ok     ok    ok      401      403 ok    ok
POST /v1/account/recovery-codes                            401    ok       ok    ok     ok    ok      401      403 ok    ok
GET /v1/account/passkeys                                   401    ok       ok    ok     ok    ok      401      403 ok    ok
POST /v1/account/passkeys/begin                            401    ok       ok    ok     ok    ok      401      403 ok    ok
POST /v1/account/passkeys                                  401    ok       ok    ok     ok    ok      401      403 ok    ok
DELETE /v1/account/passkeys/:id                            401    ok       ok    ok     ok    ok      401      403 ok    ok
DELETE /v1/account/passkeys/:id | of another               401    404      404   404    404   404     401      403 404   404
GET /v1/sessions                                           401    ok       ok    ok     ok    ok      401      403 ok    ok
DELETE /v1/sessions/:id                                    401    ok       ok    ok     ok    ok      401      403 ok    ok
DELETE /v1/sessions/:id | of another                       401    404      404   404    404   404     401      403 404   404
POST /v1/sessions/end-all                                  401    ok       ok    ok     ok    ok      401      403 ok    ok
# administration: staff; owners by owners only
GET /v1/admin/users                                        401    403      403   403    403   403     401      403 ok    ok
PATCH /v1/admin/users/:id                                  401    403      403   403    403   403     401      403 ok    ok
PATCH /v1/admin/users/:id | disables                       401    403      403   403    403   403     401      403 ok    ok
PATCH /v1/admin/users/:id | makes an owner                 401    403      403   403    403   403     401      403 403   ok
PATCH /v1/admin/users/:id | demotes an owner               401    403      403   403    403   403     401      403 403   ok
PATCH /v1/admin/users/:id | disables an owner              401    403      403   403    403   403     401      403 403   ok
PATCH /v1/admin/users/:id | makes a bot                    401    403      403   403    403   403     401      403 403   403
PATCH /v1/admin/users/:id | makes oneself an owner         401    403      403   403    403   403     401      403 403   ok
PATCH /v1/admin/users/:id | disables oneself               401    403      403   403    403   403     401      403 403   403
GET /v1/admin/invites                                      401    403      403   403    403   403     401      403 ok    ok
POST /v1/admin/invites                                     401    403      403   403    403   403     401      403 ok    ok
DELETE /v1/admin/invites/:id                               401    403      403   403    403   403     401      403 ok    ok
# profiles
GET /v1/users                                              401    ok       403   ok     ok    ok      401      ok  ok    ok
POST /v1/users/cards                                       401    ok       ok    ok     ok    ok      401      ok  ok    ok
GET /v1/users/me                                           401    ok       ok    ok     ok    ok      401      ok  ok    ok
GET /v1/users/me | with a token of the socket              401    401      401   401    401   401     401      401 401   401
GET /v1/users/me | by a session that has not ended         401    ok       ok    ok     ok    ok      401      ok  ok    ok
PATCH /v1/users/me                                         401    ok       ok    ok     ok    ok      401      ok  ok    ok
# conversations: outside one, it does not exist, whatever one is in the installation
GET /v1/snapshot                                           401    ok       ok    ok     ok    ok      401      ok  ok    ok
POST /v1/conversations                                     401    ok       403   ok     ok    ok      401      ok  ok    ok
PUT /v1/conversations/private/:user                        401    ok       403   ok     ok    ok      401      ok  ok    ok
GET /v1/conversations/:id                                  401    404      ok    ok     ok    404     401      ok  404   404
GET /v1/conversations/:id/messages                         401    404      ok    ok     ok    404     401      ok  404   404
POST /v1/conversations/:id/messages                        401    404      ok    ok     ok    404     401      ok  404   404
PATCH /v1/conversations/:id                                401    404      ok    ok     ok    404     401      ok  404   404
PUT /v1/conversations/:id/participants/:user               401    404      403   ok     ok    404     401      ok  404   404
DELETE /v1/conversations/:id/participants/:user            401    404      403   403    ok    404     401      403 404   404
DELETE /v1/conversations/:id/participants/:user | oneself  401    404      ok    ok     ok    404     401      ok  404   404
# what is no place of the API
GET /v1/*                                                  404    404      404   404    404   404     404      404 404   404
POST /v1/*                                                 404    404      404   404    404   404     404      404 404   404
PUT /v1/*                                                  404    404      404   404    404   404     404      404 404   404
PATCH /v1/*                                                404    404      404   404    404   404     404      404 404   404
DELETE /v1/*                                               404    404      404   404    404   404     404      404 404   404
`;

/** Every call between services: for people through web, and by each service as itself. */
export const CALLS = `
                                                        nobody outsider guest member owner removed disabled bot admin root identity user conversation delivery web
# web as itself, before anybody is known
AccountsService/DescribeEntry                           no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
AccountsService/Register                                no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
AccountsService/ResendRegistrationCode                  no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
AccountsService/ConfirmRegistration                     no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
AccountsService/RequestPasswordReset                    no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
AccountsService/ResetPassword                           no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
SessionsService/LogIn                                   no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
SessionsService/CompleteLogIn                           no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
SessionsService/LogOut                                  no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
SessionsService/MintToken                               no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
SessionsService/IssueToken                              no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
SessionsService/RefreshToken                            no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
SessionsService/RevokeRefreshToken                      no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
PasskeysService/BeginPasskeyLogIn                       no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
PasskeysService/PasskeyLogIn                            no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
SignOnService/BeginSignOn                               no     no       no    no     no    no      no       no  no    no   no       no   no           no       404
SignOnService/FinishSignOn                              no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
SignOnService/LinkSignOn                                no     no       no    no     no    no      no       no  no    no   no       no   no           no       ok
# the own account: people only
AccountsService/DescribeAccount                         no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
AccountsService/ChangePassword                          no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
AccountsService/RequestEmailChange                      no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
AccountsService/ConfirmEmailChange                      no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
SessionsService/ListSessions                            no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
SessionsService/EndSession                              no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
SessionsService/EndSession | of another                 no     404      404   404    404   404     no       no  404   404  no       no   no           no       no
SessionsService/EndAllSessions                          no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
SecondFactorService/BeginTotp                           no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
SecondFactorService/ConfirmTotp                         no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
SecondFactorService/RemoveTotp                          no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
SecondFactorService/NewRecoveryCodes                    no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
PasskeysService/BeginPasskey                            no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
PasskeysService/AddPasskey                              no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
PasskeysService/ListPasskeys                            no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
PasskeysService/RemovePasskey                           no     ok       ok    ok     ok    ok      no       no  ok    ok   no       no   no           no       no
PasskeysService/RemovePasskey | of another              no     404      404   404    404   404     no       no  404   404  no       no   no           no       no
# administration: staff; owners by owners only
AdministrationService/ListUsers                         no     no       no    no     no    no      no       no  ok    ok   no       no   no           no       no
AdministrationService/SetDisabled                       no     no       no    no     no    no      no       no  ok    ok   no       no   no           no       no
AdministrationService/SetDisabled | an owner            no     no       no    no     no    no      no       no  no    ok   no       no   no           no       no
AdministrationService/SetRole                           no     no       no    no     no    no      no       no  ok    ok   no       no   no           no       no
AdministrationService/SetRole | makes an owner          no     no       no    no     no    no      no       no  no    ok   no       no   no           no       no
AdministrationService/SetRole | demotes an owner        no     no       no    no     no    no      no       no  no    ok   no       no   no           no       no
AdministrationService/SetRole | makes oneself an owner  no     no       no    no     no    no      no       no  no    ok   no       no   no           no       no
AdministrationService/CreateInvite                      no     no       no    no     no    no      no       no  ok    ok   no       no   no           no       no
AdministrationService/ListInvites                       no     no       no    no     no    no      no       no  ok    ok   no       no   no           no       no
AdministrationService/RevokeInvite                      no     no       no    no     no    no      no       no  ok    ok   no       no   no           no       no
# between the services
UserService/FindUsers                                   no     no       no    no     no    no      no       no  no    no   no       no   ok           no       no
ConversationService/LoadParticipations                  no     no       no    no     no    no      no       no  no    no   no       no   no           ok       no
ConversationService/LoadParticipation                   no     no       no    no     no    no      no       no  no    no   no       no   no           ok       no
ConversationService/FindPost                            no     no       no    no     no    no      no       no  no    no   no       no   no           no       no
ConversationService/FindPost | through delivery         no     ok       ok    ok     ok    ok      no       ok  ok    ok   no       no   no           no       no
`;

/** Every frame that a client may send. */
export const FRAMES = `
                                          nobody outsider guest member owner removed disabled bot admin root
resume                                    401    ok       ok    ok     ok    ok      401      ok  ok    ok
resume | with a token of the API          401    401      401   401    401   401     401      401 401   401
send                                      401    404      ok    ok     ok    404     401      ok  404   404
authenticate                              401    ok       ok    ok     ok    ok      401      ok  ok    ok
authenticate | with the token of another  401    401      401   401    401   401     401      401 401   401
`;
