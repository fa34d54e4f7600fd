// The texts of dorm terminals come with the card of an account, its trips and the ranking of rooms.
import { addTexts } from '.'
import en from './terminal.en.json'
import chinese from './terminal.zh-CN.json'

addTexts(chinese, en)
