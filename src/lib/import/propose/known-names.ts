/** What people call the fields of an event, for a mapping that is guessed. */

export const words = (...texts: readonly string[]) => texts.flatMap((text) => text.split(' '))

/** What people call it, the likeliest first; compared without case and punctuation. */
export const names = {
  id: words('eventid eventuuid uuid insertid messageid guid requestid id rowid logid traceid key'),
  time: words(
    'occurredat eventtime timestamp eventtimestamp ts eventdate timeiso8601 datetime time createdat',
    'created at when date day startedat start loggedat timemicros timeunixnano invoicedate orderdate',
  ),
  user: words(
    'userid useruuid user uid distinctid customerid customer visitorid memberid profileid personid principalid',
    'playerid identity accountid clientid subject who username login actor email author account client',
    'contactid contact subscriberid leadid actorid authorid senderid recipient ownerid createdby objectid',
    'anonymousid deviceid visitorhash adid idfa gaid fullvisitorid visitor installationid cookieid sessionid cip',
    'remoteaddr clientip ip host hostname',
  ),
  type: words(
    'eventtype eventname event name type action activity what kind verb operation eventaction',
    'requestmethod csmethod method uri status category page url level metric datapoint appname syslogidentifier',
  ),
  properties: words('properties props eventproperties attributes params parameters eventdata data details meta'),
}

/** Ids of what several events can be about: a message is sent, opened and clicked. */
export const sharedIds = words('messageid requestid traceid key')

/** Objects that are somebody: what is in them says who. */
export const somebody = /^(user|actor|customer|visitor|person|profile|member|player|identity|principal)/i

/** Names of ids that belong to a user or a session, not to an event. */
export const isOfSomebody =
  /user|session|visit|device|person|account|customer|client|parent|website|org|team|project|cookie|page/i
