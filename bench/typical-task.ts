/** A task of 40 lines as Chronograf writes it, with two alert handlers. */
export const typicalTask = `var db = 'telegraf'
var rp = 'autogen'
var measurement = 'cpu'
var groupBy = ['host']
var whereFilter = lambda: ("cpu" == 'cpu-total') AND ("host" =~ /^web-/)
var name = 'CPU rule'
var idVar = name + '-{{.Group}}'
var message = '{{.ID}} is {{.Level}}'
var idTag = 'alertID'
var levelTag = 'level'
var messageField = 'message'
var durationField = 'duration'
var outputDB = 'chronograf'
var outputRP = 'autogen'
var outputMeasurement = 'alerts'
var triggerType = 'threshold'
var crit = 90

var data = stream
    |from()
        .database(db)
        .retentionPolicy(rp)
        .measurement(measurement)
        .groupBy(groupBy)
        .where(whereFilter)
    |eval(lambda: "usage_user" + "usage_system")
        .as('value')

// Tell somebody.
var trigger = data
    |alert()
        .crit(lambda: "value" > crit)
        .stateChangesOnly()
        .message(message)
        .id(idVar)
        .idTag(idTag)
        .levelTag(levelTag)
        .messageField(messageField)
        .slack()
        .channel('#ops')
        .post('http://198.51.100.7/hook')
`;
